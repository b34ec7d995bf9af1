-- What models of decisions are measured on while they learn, as train_decisions.
with categories as (
  select category, min(category_idx) as category_idx
  from decision_items
  where category is not null
  group by category
)
select
  d.decision_id,
  d.user_id,
  coalesce(u.user_idx, arrow_cast(1, 'UInt32')) as user_idx,
  coalesce(i.item_idx, arrow_cast(1, 'UInt32')) as item_idx,
  coalesce(c.category_idx, arrow_cast(1, 'UInt32')) as category_idx,
  d.label,
  d.* exclude (decision_id, user_id, item_id, category, decided_at, split, label)
from decisions d
left join decision_users u on d.user_id = u.user_id
left join decision_items i on d.item_id = i.item_id
left join categories c on d.category = c.category
where d.split = 'valid'
