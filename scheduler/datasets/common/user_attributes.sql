-- A row for each known user, attribute and value. Of an attribute that users have one of, the value of
-- most baskets; of equals the one seen last, then the first by name.
with known as (
  select user_id, attribute, value, baskets, last_at, every from user_habits where value is not null
  union all
  select user_id, attribute, value, baskets, last_at, every from user_traits where value is not null
),
placed as (
  select
    user_id, attribute, value, every,
    row_number() over (
      partition by user_id, attribute
      order by baskets desc, last_at desc nulls last, value
    ) as place
  from known
)
select user_id, attribute, value
from placed
where every or place = 1
