-- Where a product stood in a store (display) and in the week's paper (mailer).
select product_id as item_id, store_id, week_no as week, display as display_location, mailer as mailer_location
from raw_promotions
where _reason is null
  and week_no between $week_from and $week_to
