select coupon_upc, product_id as item_id, campaign_id
from raw_coupons
where _reason is null
