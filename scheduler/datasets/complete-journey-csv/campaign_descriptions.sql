-- Types are written `TypeA` here and `Type A` in the packages. Day 1 is 1 January 2000.
select
  campaign as campaign_id,
  concat('Type ', right(description, 1)) as type,
  cast(cast(10956 + start_day as int) as date) as started_on,
  cast(cast(10956 + end_day as int) as date) as ended_on
from raw_campaign_descriptions
where _reason is null
