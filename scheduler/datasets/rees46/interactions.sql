-- What a user did with a product in a session, with what was known when it was decided: at the first
-- purchase of the product or, where there was none, at the last event with it.
--   page_views    the user's events in the session up to that moment, purchases of the same moment
--                 left out: they are the decision and not what led to it
--   session_time  seconds from the user's first event in the session to that moment
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
    count(*) over (partition by session_id, user_id order by happened_at)
      - count(case when kind = 'purchase' then 1 end) over (partition by session_id, user_id, happened_at) as seen,
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
  cast(happened_at as bigint) - cast(min(started_at) as bigint) as session_time
from placed
where happened_at = coalesce(bought_at, last_at)
group by user_id, item_id, session_id, happened_at
