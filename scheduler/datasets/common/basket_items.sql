-- A basket with its owner, its time, its lines and the distinct items in it, by the source's ids: all
-- that is gathered of its lines, in one reading of them. Another owner that lines name is a fault of the
-- source, which checks look for.
select
  basket_id,
  min(user_id) as user_id,
  case when min(user_id) <> max(user_id) then max(user_id) end as another_owner,
  min(ordered_at) as ordered_at,
  count(*) as lines,
  collect_distinct(item_id) as items
from transactions
where basket_id is not null
group by basket_id
