-- Where a product stood in a store (display) and in the week's paper (mailer).
select product_id as item_id, store_id, week, display_location, mailer_location
from raw_promotions
where _reason is null
  and week between $week_from and $week_to
