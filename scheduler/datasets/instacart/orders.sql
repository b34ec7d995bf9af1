-- When every order was placed, as far as the source tells: it has no dates, only a user's order
-- number, the hour, and the whole days since the user's order before, where 30 also stands for more.
-- So every user's first order is put on 3 January 2000, the later ones after the running sum of days
-- at their hour. Orders of one day keep their number's order even where their hours do not: a moment
-- is never before an earlier order's, and a second for each order before it breaks ties.
-- Moments of two users cannot be compared, so only a split by last basket means something.
with days as (
  select
    order_id, user_id, eval_set, order_number, order_dow, order_hour_of_day, days_since_prior_order,
    sum(coalesce(cast(days_since_prior_order as bigint), 0))
      over (partition by user_id order by order_number) as day
  from raw_orders
  where _reason is null
),
moments as (
  select
    *,
    max(day * 86400 + cast(order_hour_of_day as bigint) * 3600)
      over (partition by user_id order by order_number) as seconds
  from days
)
select
  order_id as basket_id,
  user_id,
  to_timestamp_seconds(946857600 + seconds + cast(order_number as bigint) - 1) as ordered_at,
  order_number,
  eval_set,
  order_dow as weekday,
  order_hour_of_day as hour,
  cast(days_since_prior_order as int) as days_since_prior
from moments
