-- By time: the last $test_days days are for the test, the $valid_days before them for validation.
-- Counted in whole days from the last basket, before anything is learned.
with days as (
  select basket_id, user_id, ordered_at, lines, cast(ordered_at as bigint) / 86400 as day
  from basket_items
),
ends as (
  select max(day) as last_day from days
)
select
  d.basket_id,
  d.user_id,
  d.ordered_at,
  d.lines,
  case
    when d.day > e.last_day - $test_days then 'test'
    when d.day > e.last_day - $test_days - $valid_days then 'valid'
    else 'train'
  end as split
from days d
cross join ends e
