-- By user: all baskets of a user are train, valid or test. A keyed hash of the id decides, so a user
-- stays where they are whatever else the source holds; anonymous baskets train.
select
  basket_id,
  user_id,
  ordered_at,
  lines,
  case
    when user_id is null then 'train'
    when keyed_hash($seed, user_id) < $test_hash then 'test'
    when keyed_hash($seed, user_id) < $valid_hash then 'valid'
    else 'train'
  end as split
from basket_items
