-- When known users shop, and in which departments: in how many baskets, and when last. Users do all of
-- what has `every`; of the rest what is most frequent of them stands for them.
select
  user_id,
  'shop_weekday' as attribute,
  to_char(ordered_at, '%A') as value,
  count(*) as baskets,
  max(ordered_at) as last_at,
  false as every
from splits
where user_id is not null and ordered_at is not null
group by user_id, to_char(ordered_at, '%A')
union all
select
  user_id,
  'shop_hour' as attribute,
  to_char(ordered_at, '%H') as value,
  count(*) as baskets,
  max(ordered_at) as last_at,
  false as every
from splits
where user_id is not null and ordered_at is not null
group by user_id, to_char(ordered_at, '%H')
union all
select
  t.user_id,
  'department' as attribute,
  i.department as value,
  count(distinct t.basket_id) as baskets,
  max(t.ordered_at) as last_at,
  true as every
from transactions t
join items i on t.item_id = i.item_id
where t.user_id is not null and i.department is not null
group by t.user_id, i.department
