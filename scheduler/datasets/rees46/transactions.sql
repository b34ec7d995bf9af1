-- What was bought: a purchase is a line, and a session is a basket.
select
  user_id,
  session_id as basket_id,
  happened_at as ordered_at,
  week,
  item_id,
  arrow_cast(1, 'Int32') as quantity,
  price as spend
from events
where kind = 'purchase'
  and week between $week_from and $week_to
