-- What is kept but worth knowing, and what the spec cut off; all counted in one reading.
with counted as (
  select
    count(*) filter (where _reason is null and household_key is null and week_no between $week_from and $week_to) as anonymous,
    count(*) filter (where _reason is null and not (week_no between $week_from and $week_to)) as outside,
    count(*) as lines
  from raw_transactions
)
select
  unnest(make_array('anonymous customer', 'left out: outside prepare.weeks', 'lines read')) as fact,
  unnest(make_array(anonymous, outside, lines)) as rows
from counted
