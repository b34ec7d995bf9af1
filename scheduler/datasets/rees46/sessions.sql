-- Sessions and all that happened in them. A session belongs to the user of its first event, although
-- a few are used by two. `events` and `session_time` (in seconds) take in the purchases too: as a
-- model's input they tell what it is to predict, which is why `interactions` has its own.
select
  session_id,
  first_value(user_id order by happened_at, file, line) as user_id,
  count(distinct user_id) as users,
  min(happened_at) as started_at,
  max(happened_at) as ended_at,
  cast(max(happened_at) as bigint) - cast(min(happened_at) as bigint) as session_time,
  count(*) as events,
  count(case when kind = 'view' then 1 end) as views,
  count(case when kind = 'cart' then 1 end) as carts,
  count(case when kind = 'remove_from_cart' then 1 end) as removals,
  count(case when kind = 'purchase' then 1 end) as purchases,
  count(distinct item_id) as products
from events
where week between $week_from and $week_to
group by session_id
