-- Lines with a quantity and a product that the product table knows.
select
  t.household_id as user_id,
  t.basket_id,
  t.transaction_timestamp as ordered_at,
  t.week,
  t.product_id as item_id,
  t.quantity,
  t.sales_value as spend,
  t.store_id
from raw_transactions t
join (select distinct product_id from raw_products where _reason is null) p
  on t.product_id = p.product_id
where t._reason is null
  and t.quantity > 0
  and t.week between $week_from and $week_to
