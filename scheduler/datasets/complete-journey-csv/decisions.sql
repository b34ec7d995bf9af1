-- Items that known users bought in a basket, label 1, and for each of them two items of the vocab,
-- label 0, that a hash draws for the basket; one that the basket holds is left out, and one that is drawn
-- twice counts once. So about a third of the decisions were bought, because so many were drawn. They are
-- drawn alike whether they stood on display or not: so how much more often what was shown is bought is as
-- it was. All is known before the basket:
--   price          of a unit, the mean over train baskets
--   display        1 where the item was on display in the store and week, and
--   mailer         1 where it was in the week's paper
--   bought_before  earlier baskets of the user that held the item, and
--   days_since     days since the last of them, 400 at most and where there is none
--   baskets        earlier baskets of the user
--   hour           of the day, and weekday, 1 for Monday
with heads as (
  select basket_id, min(store_id) as store_id, min(week) as week
  from transactions
  group by basket_id
),
placed as (
  select
    s.basket_id, s.ordered_at, h.store_id, h.week,
    rank() over (partition by s.user_id order by s.ordered_at) - 1 as baskets
  from splits s
  join heads h on s.basket_id = h.basket_id
  where s.user_id is not null
),
bought as (
  select user_id, basket_id, item_id, split
  from interactions
  where item_idx >= 2
),
catalogue as (
  select arrow_cast(count(*), 'UInt64') as items
  from vocab
),
drawn as (
  select
    b.user_id, b.basket_id, b.split,
    arrow_cast(keyed_hash($seed, b.basket_id, b.item_id, n.draw) % c.items + arrow_cast(2, 'UInt64'), 'UInt32') as item_idx
  from bought b
  cross join (values (1), (2)) as n(draw)
  cross join catalogue c
),
offered as (
  select user_id, basket_id, split, item_id, 1 as label
  from bought
  union all
  select d.user_id, d.basket_id, d.split, v.item_id, 0 as label
  from drawn d
  join vocab v on d.item_idx = v.item_idx
),
shown as (
  select
    o.user_id, o.basket_id, o.split, o.item_id, p.ordered_at, p.baskets,
    cast(p.ordered_at as bigint) as at,
    max(o.label) as label,
    max(case when r.display_location <> '0' then 1 else 0 end) as display,
    max(case when r.mailer_location <> '0' then 1 else 0 end) as mailer
  from offered o
  join placed p on o.basket_id = p.basket_id
  left join promotions r on o.item_id = r.item_id and p.store_id = r.store_id and p.week = r.week
  group by o.user_id, o.basket_id, o.split, o.item_id, p.ordered_at, p.baskets
),
known as (
  select
    *,
    sum(label) over earlier as bought_before,
    max(case when label = 1 then at end) over earlier as last_at
  from shown
  window earlier as (partition by user_id, item_id order by at range between unbounded preceding and 1 preceding)
),
prices as (
  select t.item_id, cast(sum(t.spend) as double) / sum(t.quantity) as price
  from transactions t
  join splits s on t.basket_id = s.basket_id
  where s.split = 'train'
  group by t.item_id
)
select
  keyed_hash(1, k.basket_id, k.item_id) as decision_id,
  k.user_id,
  k.item_id,
  i.category,
  k.basket_id,
  k.ordered_at as decided_at,
  k.split,
  cast(k.label as real) as label,
  cast(coalesce(p.price, 0) as real) as price,
  cast(k.display as real) as display,
  cast(k.mailer as real) as mailer,
  cast(coalesce(k.bought_before, 0) as real) as bought_before,
  cast(least(coalesce((k.at - k.last_at) / 86400.0, 400), 400) as real) as days_since,
  cast(k.baskets as real) as baskets,
  cast(date_part('hour', k.ordered_at) as real) as hour,
  cast(date_part('isodow', k.ordered_at) as real) as weekday
from known k
left join items i on k.item_id = i.item_id
left join prices p on k.item_id = p.item_id
