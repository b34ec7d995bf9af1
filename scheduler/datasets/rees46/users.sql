-- Users by the sessions that are theirs.
select
  user_id,
  count(*) as sessions,
  min(started_at) as first_seen_at,
  max(ended_at) as last_seen_at,
  sum(events) as events,
  sum(purchases) as purchases
from sessions
group by user_id
