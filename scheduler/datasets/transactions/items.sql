-- What is said of the items that somebody bought. Where lines disagree, the first text in order.
select
  item_id,
  coalesce(min(item_name), min(cast(item_id as varchar))) as name,
  min(department) as department,
  min(category) as category
from raw_transactions
where _reason is null
  and item_id is not null
  and {basket_id} is not null
  and coalesce(quantity, 1) between 1 and 1000000
group by item_id
