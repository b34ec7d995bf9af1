-- What is kept but worth knowing, and what the spec cut off. The files say themselves how many lines
-- they have; only for a spec that names weeks are the lines looked at.
with counted as (
  select
    count(*) as lines,
    count(case
      when $week_from > 0 or $week_to < 999999
      then case when _reason is null and not (week between $week_from and $week_to) then 1 end
    end) as outside
  from raw_transactions
),
kept as (
  select count(*) as anonymous
  from transactions
  where user_id is null
)
select
  unnest(make_array('anonymous customer', 'left out: outside prepare.weeks', 'lines read')) as fact,
  unnest(make_array(anonymous, outside, lines)) as rows
from counted
cross join kept
