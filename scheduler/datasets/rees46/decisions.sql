-- What users looked at in a session and bought, label 1, or did not, label 0, with the context of
-- `interactions`: price, page_views, session_time (seconds). What nobody looked at was not offered, so
-- nothing is drawn: the share that was bought is that of the shop.
-- A session is train, valid or test as a whole, with all that happened in it: by time by the day on which
-- it ended, the days counted back from the last; by last basket the last session of its user; by user
-- that of its first event.
with placed as (
  select
    session_id,
    user_id,
    cast(ended_at as bigint) / 86400 as day,
    max(cast(ended_at as bigint) / 86400) over () as last_day,
    row_number() over (partition by user_id order by started_at desc, session_id desc) as from_end,
    count(*) over (partition by user_id) as sessions
  from sessions
),
split as (
  select
    session_id,
    case
      when $test_days > 0 and day > last_day - $test_days then 'test'
      when $test_days > 0 and day > last_day - $test_days - $valid_days then 'valid'
      when $test_days > 0 then 'train'
      when keyed_hash($seed, user_id) < $test_hash then 'test'
      when $test_hash > arrow_cast(0, 'UInt64') and keyed_hash($seed, user_id) < $valid_hash then 'valid'
      when $test_hash > arrow_cast(0, 'UInt64') then 'train'
      when from_end = 1 and sessions > 1 then 'test'
      when from_end = 2 and sessions > 2 and keyed_hash($seed, user_id) < $valid_hash then 'valid'
      else 'train'
    end as split
  from placed
)
select
  keyed_hash(1, i.user_id, i.session_id, i.item_id) as decision_id,
  i.user_id,
  i.item_id,
  coalesce(p.category, cast(p.category_id as varchar)) as category,
  i.session_id,
  i.decided_at,
  s.split,
  cast(case when i.purchased then 1 else 0 end as real) as label,
  cast(coalesce(i.price, 0) as real) as price,
  cast(i.page_views as real) as page_views,
  cast(i.session_time as real) as session_time
from interactions i
join split s on i.session_id = s.session_id
join products p on i.item_id = p.item_id
