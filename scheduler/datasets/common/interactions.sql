-- What a known user decided in a basket, and what was known of it: a row per basket and item. The price
-- is that of a unit. Rows of a held-out basket are marked, not left out; an item that is no word of
-- the vocab is UNK.
select
  t.user_id,
  t.item_id,
  t.basket_id,
  coalesce(min(v.item_idx), arrow_cast(1, 'UInt32')) as item_idx,
  min(s.ordered_at) as decided_at,
  min(s.split) as split,
  sum(t.quantity) as quantity,
  cast(sum(t.spend) as double) / sum(t.quantity) as price
from transactions t
join splits s on t.basket_id = s.basket_id
left join vocab v on t.item_id = v.item_id
where t.user_id is not null
group by t.user_id, t.item_id, t.basket_id
