-- Lines with a quantity, a time and a product that the product table knows. The source counts days
-- from 1 and names no year: day 1 is put on 1 January 2000. Discounts are negative there; here they
-- are what was taken off.
select
  t.household_key as user_id,
  t.basket_id,
  to_timestamp_seconds(946684800 + cast(t.day - 1 as bigint) * 86400
                       + cast(t.trans_time / 100 * 3600 + t.trans_time % 100 * 60 as bigint)) as ordered_at,
  t.week_no as week,
  t.product_id as item_id,
  t.quantity,
  t.sales_value as spend,
  t.store_id,
  arrow_cast(-t.retail_disc, 'Decimal128(12, 2)') as retail_disc,
  arrow_cast(-t.coupon_disc, 'Decimal128(12, 2)') as coupon_disc,
  arrow_cast(-t.coupon_match_disc, 'Decimal128(12, 2)') as coupon_match_disc
from raw_transactions t
where t._reason is null
  and t.quantity > 0
  and t.day > 0
  and t.trans_time between 0 and 2359 and t.trans_time % 100 < 60
  and t.week_no between $week_from and $week_to
  and is_in(t.product_id, 'products', 'item_id', $products_version)
