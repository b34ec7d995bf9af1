-- Items that known users bought in a basket, label 1, and for each of them four items of the vocab,
-- label 0, that a hash draws for the basket: all items alike, whether the user knows them or not; one
-- that the basket holds is left out, and one that is drawn twice counts once. So about a fifth of the
-- decisions were bought, because so many were drawn: not because of the users.
-- The department stands for the category, which not every source has.
--   price    of a unit, the mean over train baskets: known before anybody decides
--   hour     of the day, and weekday, 1 for Monday: 0 where the source has no times
with bought as (
  select user_id, item_id, basket_id, item_idx, decided_at, split
  from interactions
  where item_idx >= 2
),
catalogue as (
  select arrow_cast(count(*), 'UInt64') as items
  from vocab
),
offered as (
  select user_id, basket_id, decided_at, split, item_idx, 1 as label
  from bought
  union all
  select
    b.user_id, b.basket_id, b.decided_at, b.split,
    arrow_cast(keyed_hash($seed, b.basket_id, b.item_id, n.draw) % c.items + arrow_cast(2, 'UInt64'), 'UInt32') as item_idx,
    0 as label
  from bought b
  cross join (values (1), (2), (3), (4)) as n(draw)
  cross join catalogue c
),
decided as (
  select user_id, basket_id, decided_at, split, item_idx, max(label) as label
  from offered
  group by user_id, basket_id, decided_at, split, item_idx
),
prices as (
  select t.item_id, cast(sum(t.spend) as double) / sum(t.quantity) as price
  from transactions t
  join splits s on t.basket_id = s.basket_id
  where s.split = 'train'
  group by t.item_id
)
select
  keyed_hash(1, d.basket_id, v.item_id) as decision_id,
  d.user_id,
  v.item_id,
  v.department as category,
  d.basket_id,
  d.decided_at,
  d.split,
  cast(d.label as real) as label,
  cast(coalesce(p.price, 0) as real) as price,
  cast(coalesce(date_part('hour', d.decided_at), 0) as real) as hour,
  cast(coalesce(date_part('isodow', d.decided_at), 0) as real) as weekday
from decided d
join vocab v on d.item_idx = v.item_idx
left join prices p on v.item_id = p.item_id
