-- One row per line of a receipt. BASKET_ID is unique but not in time order inside a week.
select
  cust_code as user_id,
  basket_id,
  to_timestamp_seconds(cast(cast(shop_date as int) as bigint) * 86400 + cast(shop_hour as bigint) * 3600) as ordered_at,
  shop_week as week,
  prod_code as item_id,
  quantity,
  spend,
  store_code as store_id,
  basket_type,
  basket_dominant_mission as mission
from raw_transactions
where _reason is null
  and quantity > 0
  and shop_week between $week_from and $week_to
