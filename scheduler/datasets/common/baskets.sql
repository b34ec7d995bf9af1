-- A basket is the set of its items, in the order of their indices; an item outside the vocab is UNK.
with lines as (
  select distinct t.basket_id, coalesce(v.item_idx, arrow_cast(1, 'UInt32')) as item_idx
  from transactions t
  left join vocab v on t.item_id = v.item_id
),
gathered as (
  select basket_id, collect_sorted(item_idx, item_idx) as items
  from lines
  group by basket_id
)
select g.basket_id, s.user_id, s.ordered_at, s.split, g.items
from gathered g
join splits s on g.basket_id = s.basket_id
