-- Held-out questions: a test basket of known items, one of them hidden by a keyed hash.
with lines as (
  select basket_id, unnest(items) as item_idx
  from baskets
  where split = 'test'
),
placed as (
  select
    basket_id, item_idx,
    row_number() over (partition by basket_id order by keyed_hash($seed, basket_id, item_idx), item_idx) as place
  from lines
  where item_idx >= 2
),
gathered as (
  select
    basket_id,
    max(case when place = 1 then item_idx end) as target,
    collect_sorted(case when place > 1 then item_idx end, item_idx) as items
  from placed
  group by basket_id
),
drawn as (
  select
    basket_id, target, items,
    row_number() over (order by keyed_hash($seed, basket_id), basket_id) as query_id
  from gathered
  where array_length(items) >= 1
)
select arrow_cast(query_id, 'UInt64') as query_id, basket_id, items, target
from drawn
where query_id <= $queries
