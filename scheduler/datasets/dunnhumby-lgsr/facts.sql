-- What is kept but worth knowing, and what the spec cut off.
select 'anonymous customer' as fact, count(*) as rows
from raw_transactions
where _reason is null and cust_code is null and quantity > 0 and shop_week between $week_from and $week_to
union all
select 'left out: outside prepare.weeks' as fact, count(*) as rows
from raw_transactions
where _reason is null and not (shop_week between $week_from and $week_to)
union all
select 'lines read' as fact, count(*) as rows
from raw_transactions
