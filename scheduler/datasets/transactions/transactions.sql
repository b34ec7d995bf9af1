-- A row per line that names an item and whose basket is known.
select
  user_id,
  {basket_id} as basket_id,
  ordered_at,
  item_id,
  coalesce(quantity, 1) as quantity,
  spend{extra}
from raw_transactions
where _reason is null
  and item_id is not null
  and {basket_id} is not null
  and coalesce(quantity, 1) between 1 and 1000000
