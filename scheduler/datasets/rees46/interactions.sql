-- What a user did with a product in a session, with what was known when it was decided: at the first
-- purchase of the product or, where there was none, at the last event with it.
--   page_views    the user's views in the session up to that moment: what is put into the cart or
--                 bought is the decision and not what led to it
--   session_time  seconds from the user's first event in the session to the last of these views: how
--                 long it takes to pay tells that something is bought
--   price         at that moment
-- A session that two users share counts as one of each.
with placed as (
  select
    user_id,
    session_id,
    item_id,
    kind,
    price,
    happened_at,
    min(happened_at) over (partition by session_id, user_id) as started_at,
    count(case when kind = 'view' then 1 end) over (partition by session_id, user_id order by happened_at) as seen,
    max(case when kind = 'view' then happened_at end) over (partition by session_id, user_id order by happened_at) as seen_at,
    min(case when kind = 'purchase' then happened_at end) over (partition by session_id, user_id, item_id) as bought_at,
    max(happened_at) over (partition by session_id, user_id, item_id) as last_at
  from events
  where week between $week_from and $week_to
)
select
  user_id,
  item_id,
  session_id,
  happened_at as decided_at,
  bool_or(kind = 'purchase') as purchased,
  max(price) as price,
  max(seen) as page_views,
  coalesce(cast(max(seen_at) as bigint) - cast(min(started_at) as bigint), 0) as session_time
from placed
where happened_at = coalesce(bought_at, last_at)
group by user_id, item_id, session_id, happened_at
