-- The households that told who they are; the others buy without attributes.
select
  household_id as user_id,
  age,
  income,
  household_size,
  household_comp,
  kids_count
from raw_demographics
where _reason is null
