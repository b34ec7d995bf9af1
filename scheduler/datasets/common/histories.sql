-- What each known user bought in the training's baskets, and how often.
select
  user_id,
  collect_sorted(item_idx, item_idx) as items,
  collect_sorted(count, item_idx) as counts
from counts
group by user_id
