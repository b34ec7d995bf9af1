-- Dense indices of items and of their categories from train decisions only: count descending, then by
-- name; 0 is PAD, 1 is UNK. `price` is the mean over them.
with counted as (
  select
    item_id,
    min(category) as category,
    count(*) as count,
    sum(arrow_cast(price, 'Decimal128(18, 4)')) as prices
  from decisions
  where split = 'train'
  group by item_id
),
placed as (
  select item_id, category, count, prices, row_number() over (order by count desc, item_id) as place
  from counted
  where count >= $min_item_baskets
),
categories as (
  select category, row_number() over (order by sum(count) desc, category) as place
  from placed
  where category is not null
  group by category
)
select
  arrow_cast(p.place + 1, 'UInt32') as item_idx,
  p.item_id,
  i.name,
  i.department,
  p.category,
  arrow_cast(coalesce(c.place, 0) + 1, 'UInt32') as category_idx,
  p.count,
  cast(cast(p.prices as double) / p.count as real) as price
from placed p
left join items i on p.item_id = i.item_id
left join categories c on p.category = c.category
