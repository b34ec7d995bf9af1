-- What the third of the households that were asked told of themselves.
select
  user_id,
  'age' as attribute,
  age as value,
  arrow_cast(1, 'Int64') as baskets,
  arrow_cast(null, 'Timestamp(Nanosecond, None)') as last_at,
  false as every
from users
where age is not null
union all
select
  user_id,
  'income' as attribute,
  income as value,
  arrow_cast(1, 'Int64') as baskets,
  arrow_cast(null, 'Timestamp(Nanosecond, None)') as last_at,
  false as every
from users
where income is not null
union all
select
  user_id,
  'home_ownership' as attribute,
  home_ownership as value,
  arrow_cast(1, 'Int64') as baskets,
  arrow_cast(null, 'Timestamp(Nanosecond, None)') as last_at,
  false as every
from users
where home_ownership is not null
union all
select
  user_id,
  'marital_status' as attribute,
  marital_status as value,
  arrow_cast(1, 'Int64') as baskets,
  arrow_cast(null, 'Timestamp(Nanosecond, None)') as last_at,
  false as every
from users
where marital_status is not null
union all
select
  user_id,
  'household_size' as attribute,
  household_size as value,
  arrow_cast(1, 'Int64') as baskets,
  arrow_cast(null, 'Timestamp(Nanosecond, None)') as last_at,
  false as every
from users
where household_size is not null
union all
select
  user_id,
  'household_comp' as attribute,
  household_comp as value,
  arrow_cast(1, 'Int64') as baskets,
  arrow_cast(null, 'Timestamp(Nanosecond, None)') as last_at,
  false as every
from users
where household_comp is not null
union all
select
  user_id,
  'kids_count' as attribute,
  kids_count as value,
  arrow_cast(1, 'Int64') as baskets,
  arrow_cast(null, 'Timestamp(Nanosecond, None)') as last_at,
  false as every
from users
where kids_count is not null
