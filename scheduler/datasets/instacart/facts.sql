select 'order of the set ' || eval_set as fact, count(*) as rows
from orders
group by eval_set
union all
select 'order after 30 days or more' as fact, count(*) as rows
from orders
where days_since_prior >= 30
union all
select 'lines read' as fact, count(*) as rows
from raw_lines
