-- Held-out questions about users: what a known user bought in test baskets, beside what is known of them
-- until then: `items` and `counts` of the training's baskets, `baskets` in their order, those of
-- validation too. A new user has none. `bought` counts all that the user bought, `targets` has what the
-- vocab knows of it. Which users are drawn depends on the seed alone.
with bought as (
  select user_id, cast(array_length(collect_distinct(item_id)) as bigint) as bought
  from (select user_id, unnest(items) as item_id from basket_items where split_of(basket_id, $splits_version) = 'test' and user_id is not null)
  group by user_id
),
gathered as (
  select user_id, collect_distinct(item_idx) as targets
  from (select user_id, unnest(items) as item_idx from baskets where split = 'test' and user_id is not null)
  where item_idx >= 2
  group by user_id
),
asked as (
  select
    b.user_id, b.bought,
    case when s.train + s.valid > 0 then array_slice(s.baskets, 1, s.train + s.valid) end as baskets
  from bought b
  join sequences s on b.user_id = s.user_id
  where s.count >= $min_baskets
),
drawn as (
  select
    user_id, bought, baskets,
    row_number() over (order by keyed_hash($seed, user_id), user_id) as query_id
  from asked
)
select
  arrow_cast(d.query_id, 'UInt64') as query_id, d.user_id, h.items, h.counts, d.baskets, g.targets, d.bought
from drawn d
left join gathered g on d.user_id = g.user_id
left join histories h on d.user_id = h.user_id
where d.query_id <= $queries
