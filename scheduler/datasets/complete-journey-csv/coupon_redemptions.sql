-- Day 1 is 1 January 2000, as in transactions: the 10957th day after 1970 began.
select
  household_key as user_id,
  coupon_upc,
  campaign as campaign_id,
  cast(cast(10956 + day as int) as date) as redeemed_on
from raw_coupon_redemptions
where _reason is null
