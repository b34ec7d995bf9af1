-- What is kept but worth knowing, and what is no transaction although it can be read.
select 'anonymous customer' as fact, count(*) as rows
from raw_transactions
where _reason is null
  and user_id is null
  and item_id is not null
  and {basket_id} is not null
  and coalesce(quantity, 1) between 1 and 1000000
union all
select 'left out: without item_id' as fact, count(*) as rows
from raw_transactions
where _reason is null and item_id is null
union all
select 'left out: without a basket' as fact, count(*) as rows
from raw_transactions
where _reason is null and item_id is not null and {basket_id} is null
union all
select 'lines read' as fact, count(*) as rows
from raw_transactions
