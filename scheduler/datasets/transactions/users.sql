-- The users that are known, and when they bought.
select
  user_id,
  count(*) as lines,
  min(ordered_at) as first_ordered_at,
  max(ordered_at) as last_ordered_at
from transactions
where user_id is not null
group by user_id
