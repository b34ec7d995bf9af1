-- Dense indices from train baskets only: count descending, id ascending; 0 is PAD, 1 is UNK.
with lines as (
  select unnest(items) as item_id
  from basket_items
  where split_of(basket_id, $splits_version) = 'train'
),
counts as (
  select item_id, count(*) as count
  from lines
  group by item_id
),
placed as (
  select item_id, count, row_number() over (order by count desc, item_id) as place
  from counts
  where count >= $min_item_baskets
)
select
  arrow_cast(p.place + 1, 'UInt32') as item_idx,
  p.item_id,
  i.name,
  i.department,
  p.count
from placed p
left join items i on p.item_id = i.item_id
where p.place <= $max_items
