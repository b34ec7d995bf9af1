select 'left out: event ' || kind as fact, count(*) as rows
from events
where kind <> 'purchase' and week between $week_from and $week_to
group by kind
union all
select 'left out: outside prepare.weeks' as fact, count(*) as rows
from events
where not (week between $week_from and $week_to)
union all
select 'session of two users' as fact, count(*) as rows
from sessions
where users > 1
union all
select 'lines read' as fact, count(*) as rows
from raw_events
