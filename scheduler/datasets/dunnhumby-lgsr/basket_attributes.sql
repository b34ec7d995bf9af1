-- What the source says of a basket, anonymous ones too: all its lines say the same.
select
  basket_id,
  min(user_id) as user_id,
  min(ordered_at) as ordered_at,
  min(basket_size) as basket_size,
  min(basket_price_sensitivity) as basket_price_sensitivity,
  min(basket_type) as basket_type,
  min(basket_dominant_mission) as basket_dominant_mission,
  min(store_id) as store_code,
  min(store_format) as store_format,
  min(store_region) as store_region,
  min(shop_weekday) as shop_weekday,
  min(shop_hour) as shop_hour
from transactions
group by basket_id
