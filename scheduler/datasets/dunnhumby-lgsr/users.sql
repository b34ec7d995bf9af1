-- Known customers and their attributes, whichever release of the header the files have.
select
  user_id,
  min(seg_1) as seg_1,
  min(seg_2) as seg_2,
  min(cust_price_sensitivity) as price_sensitivity,
  min(cust_lifestage) as lifestage
from transactions
where user_id is not null
group by user_id
