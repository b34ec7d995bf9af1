-- The households that told who they are.
select
  household_key as user_id,
  age_desc as age,
  income_desc as income,
  homeowner_desc as home_ownership,
  marital_status_code as marital_status,
  household_size_desc as household_size,
  hh_comp_desc as household_comp,
  kid_category_desc as kids_count
from raw_demographics
where _reason is null
