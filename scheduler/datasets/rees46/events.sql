-- Every event that can be read. `week` is the ISO week, YYYYWW, which its Thursday's year names.
select
  event_time as happened_at,
  event_type as kind,
  user_id,
  user_session as session_id,
  product_id as item_id,
  category_id,
  category_code as category,
  brand,
  price,
  cast(date_part('year', date_trunc('week', event_time) + interval '3 days') * 100
       + date_part('week', event_time) as int) as week,
  _file as file,
  _line as line
from raw_events
where _reason is null
  and event_type in ('view', 'cart', 'remove_from_cart', 'purchase')
