-- The last basket of every known user with at least two is for the test. The one before it is for
-- validation where a keyed hash draws the user and one is left to train on. Anonymous baskets train.
with placed as (
  select
    basket_id, user_id, ordered_at, lines,
    row_number() over (partition by user_id order by ordered_at desc, basket_id desc) as from_end,
    count(*) over (partition by user_id) as baskets
  from basket_items
)
select
  basket_id,
  user_id,
  ordered_at,
  lines,
  case
    when user_id is null then 'train'
    when from_end = 1 and baskets > 1 then 'test'
    when from_end = 2 and baskets > 2 and keyed_hash($seed, user_id) < $valid_hash then 'valid'
    else 'train'
  end as split
from placed
