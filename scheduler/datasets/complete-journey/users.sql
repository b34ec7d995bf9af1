-- Every household that bought something, and what the third of them that were asked told of themselves.
select
  u.user_id,
  d.age,
  d.income,
  d.home_ownership,
  d.marital_status,
  d.household_size,
  d.household_comp,
  d.kids_count
from (select distinct user_id from transactions where user_id is not null) u
left join demographics d on u.user_id = d.user_id
