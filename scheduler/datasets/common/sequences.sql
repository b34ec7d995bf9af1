-- A known user's baskets in true time order, the id breaking ties: the newest $max_history of them.
-- `count` has all; of those kept, the first `train` are for training and the `valid` after them for
-- validation.
with gathered as (
  select
    user_id,
    collect_sorted(items, ordered_at, basket_id) as baskets,
    collect_sorted(ordered_at, ordered_at, basket_id) as ordered_at,
    count(*) as count,
    count(case when split = 'train' then 1 end) as train,
    count(case when split = 'valid' then 1 end) as valid
  from baskets
  where user_id is not null
  group by user_id
),
cut as (
  select *, case when count > $max_history then count - $max_history else 0 end as older
  from gathered
)
select
  user_id,
  case when older > 0 then array_slice(baskets, older + 1, count) else baskets end as baskets,
  case when older > 0 then array_slice(ordered_at, older + 1, count) else ordered_at end as ordered_at,
  count,
  greatest(train - older, 0) as train,
  greatest(train + valid - older, 0) - greatest(train - older, 0) as valid
from cut
