select 'anonymous customer' as fact, count(*) as rows
from raw_transactions
where _reason is null and household_key is null and week_no between $week_from and $week_to
union all
select 'left out: outside prepare.weeks' as fact, count(*) as rows
from raw_transactions
where _reason is null and not (week_no between $week_from and $week_to)
union all
select 'lines read' as fact, count(*) as rows
from raw_transactions
