-- Users of train decisions by a dense index from 2, what they bought there, and the context of the last of
-- their decisions: what holds for a user of whom nothing else is told.
with trained as (
  select
    *,
    row_number() over (partition by user_id order by decided_at desc, decision_id desc) as from_end,
    count(*) over (partition by user_id) as count
  from decisions
  where split = 'train'
),
bought as (
  select d.user_id, collect_distinct(i.item_idx) as items
  from trained d
  join decision_items i on d.item_id = i.item_id
  where d.label = 1
  group by d.user_id
)
select
  arrow_cast(row_number() over (order by t.user_id) + 1, 'UInt32') as user_idx,
  t.user_id,
  t.count,
  b.items,
  t.* exclude (decision_id, user_id, item_id, category, decided_at, split, label, from_end, count)
from trained t
left join bought b on t.user_id = b.user_id
where t.from_end = 1
