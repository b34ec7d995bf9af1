-- Lines with a quantity and a product that the product table knows.
select
  cast(t.household_id as varchar) as user_id,
  cast(t.basket_id as varchar) as basket_id,
  t.transaction_timestamp as ordered_at,
  t.week,
  cast(t.product_id as varchar) as item_id,
  t.quantity,
  t.sales_value as spend,
  cast(t.store_id as varchar) as store_id
from raw_transactions t
join (select distinct product_id from raw_products where _reason is null) p on t.product_id = p.product_id
where t._reason is null
  and t.quantity > 0
  and t.week between $week_from and $week_to
