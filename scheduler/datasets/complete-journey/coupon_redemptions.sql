select household_id as user_id, coupon_upc, campaign_id, redemption_date as redeemed_on
from raw_coupon_redemptions
where _reason is null
