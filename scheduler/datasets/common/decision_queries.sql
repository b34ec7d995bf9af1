-- Held-out decisions: all of each user that the seed draws, as train_decisions has them, numbered.
with asked as (
  select * from decisions where split = 'test'
),
drawn as (
  select user_id, row_number() over (order by keyed_hash($seed, user_id), user_id) as place
  from (select distinct user_id from asked)
),
categories as (
  select category, min(category_idx) as category_idx
  from decision_items
  where category is not null
  group by category
)
select
  arrow_cast(row_number() over (order by d.user_id, d.decision_id, d.item_id), 'UInt64') as decision_id,
  d.user_id,
  d.item_id,
  coalesce(u.user_idx, arrow_cast(1, 'UInt32')) as user_idx,
  coalesce(i.item_idx, arrow_cast(1, 'UInt32')) as item_idx,
  coalesce(c.category_idx, arrow_cast(1, 'UInt32')) as category_idx,
  d.label,
  d.* exclude (decision_id, user_id, item_id, category, split, label)
from asked d
join drawn on d.user_id = drawn.user_id and drawn.place <= $queries
left join decision_users u on d.user_id = u.user_id
left join decision_items i on d.item_id = i.item_id
left join categories c on d.category = c.category
