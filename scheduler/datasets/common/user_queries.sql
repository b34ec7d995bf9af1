-- Held-out questions about users: what a known user bought in test baskets, beside what the training
-- knows of them, which is nothing of a new user. Which users are drawn depends on the seed alone.
with bought as (
  select user_id, unnest(items) as item_idx
  from baskets
  where split = 'test' and user_id is not null
),
gathered as (
  select user_id, collect_distinct(item_idx) as targets
  from bought
  where item_idx >= 2
  group by user_id
),
drawn as (
  select
    user_id, targets,
    row_number() over (order by keyed_hash($seed, user_id), user_id) as query_id
  from gathered
)
select arrow_cast(d.query_id, 'UInt64') as query_id, d.user_id, h.items, h.counts, d.targets
from drawn d
left join histories h on d.user_id = h.user_id
where d.query_id <= $queries
