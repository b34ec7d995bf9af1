-- The households that told who they are.
select
  household_id as user_id,
  age,
  income,
  home_ownership,
  marital_status,
  household_size,
  household_comp,
  kids_count
from raw_demographics
where _reason is null
