-- A basket with its split and the distinct items in it, by the source's ids.
with gathered as (
  select basket_id, collect_distinct(item_id) as items
  from transactions
  group by basket_id
)
select g.basket_id, s.user_id, s.ordered_at, s.split, s.lines, g.items
from gathered g
join splits s on g.basket_id = s.basket_id
