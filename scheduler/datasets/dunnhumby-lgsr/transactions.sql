-- One row per line of a receipt. BASKET_ID is unique but not in time order inside a week.
-- What lines say of their item, customer and basket is kept, so that no other table reads the files.
select
  cust_code as user_id,
  basket_id,
  to_timestamp_seconds(cast(cast(shop_date as int) as bigint) * 86400 + cast(shop_hour as bigint) * 3600) as ordered_at,
  shop_week as week,
  prod_code as item_id,
  quantity,
  spend,
  store_code as store_id,
  prod_code_10,
  prod_code_20,
  prod_code_30,
  prod_code_40,
  seg_1,
  seg_2,
  cust_price_sensitivity,
  cust_lifestage,
  basket_size,
  basket_price_sensitivity,
  basket_type,
  basket_dominant_mission,
  store_format,
  store_region,
  shop_weekday,
  shop_hour
from raw_transactions
where _reason is null
  and quantity > 0
  and shop_week between $week_from and $week_to
