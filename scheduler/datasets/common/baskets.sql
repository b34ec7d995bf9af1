-- A basket is the set of its items, in the order of their indices; an item outside the vocab is UNK.
-- At most $max_basket_items stay, the first, which are the most frequent. What is gone is counted: items
-- that became UNK, and those cut off.
with encoded as (
  select basket_id, user_id, ordered_at,
    split_of(basket_id, $splits_version) as split,
    cast(array_length(items) as bigint) as bought,
    item_indices(items, $vocab_version) as known
  from basket_items
),
counted as (
  select *, cast(array_length(known) as bigint) as places
  from encoded
)
select
  basket_id,
  user_id,
  ordered_at,
  split,
  case when places > $max_basket_items then array_slice(known, 1, $max_basket_items) else known end as items,
  bought - places + case when known[1] = 1 then 1 else 0 end as unknown_items,
  case when places > $max_basket_items then places - $max_basket_items else 0 end as cut_items
from counted
