-- How many of a known user's train baskets held an item, and when the last of them was. UNK is no item.
with lines as (
  select user_id, ordered_at, unnest(items) as item_idx
  from baskets
  where split = 'train' and user_id is not null
)
select user_id, item_idx, count(*) as count, max(ordered_at) as last_at
from lines
where item_idx >= 2
group by user_id, item_idx
