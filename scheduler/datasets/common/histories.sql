-- What each known user bought in the training's baskets, and how often; nothing of one who bought nothing
-- in them that the vocab knows.
with bought as (
  select
    user_id,
    collect_sorted(item_idx, item_idx) as items,
    collect_sorted(count, item_idx) as counts
  from counts
  group by user_id
)
select s.user_id, b.items, b.counts
from sequences s
left join bought b on s.user_id = b.user_id
