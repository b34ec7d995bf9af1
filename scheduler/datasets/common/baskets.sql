-- A basket is the set of its items, in the order of their indices; an item outside the vocab is UNK.
select basket_id, user_id, ordered_at, split, item_indices(items, $vocab_version) as items
from basket_items
