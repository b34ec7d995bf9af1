-- Users, how often they ordered, and which set their last order belongs to.
select
  user_id,
  count(*) as orders,
  min(order_number) as first_number,
  max(order_number) as last_number,
  max(case when eval_set <> 'prior' then eval_set end) as last_set
from orders
group by user_id
