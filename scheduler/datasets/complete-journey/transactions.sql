-- Lines with a quantity and a product that the product table knows. Discounts are what was taken off.
select
  t.household_id as user_id,
  t.basket_id,
  t.transaction_timestamp as ordered_at,
  t.week,
  t.product_id as item_id,
  t.quantity,
  t.sales_value as spend,
  t.store_id,
  t.retail_disc,
  t.coupon_disc,
  t.coupon_match_disc
from raw_transactions t
where t._reason is null
  and t.quantity > 0
  and t.week between $week_from and $week_to
  and is_in(t.product_id, 'products', 'item_id', $products_version)
