-- For comparison only: the context counts the whole session, purchases and all that came after the
-- decision, and the price is the mean over the month. A model is told what it is to predict.
-- As such tables are usually made: a session has the user of its first event, a product in it the
-- user of its first event there, and where two users share a session some pairs match nothing and
-- are lost.
with pairs as (
  select
    session_id,
    item_id,
    first_value(user_id order by happened_at, file, line) as user_id,
    max(happened_at) as decided_at,
    bool_or(kind = 'purchase') as purchased
  from events
  where week between $week_from and $week_to
  group by session_id, item_id
)
select
  p.user_id,
  p.item_id,
  p.session_id,
  p.decided_at,
  p.purchased,
  r.price,
  s.events as page_views,
  s.session_time
from pairs p
join sessions s on p.session_id = s.session_id and p.user_id = s.user_id
join products r on p.item_id = r.item_id
