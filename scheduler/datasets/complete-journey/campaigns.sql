-- Which household got which campaign.
select campaign_id, household_id as user_id
from raw_campaigns
where _reason is null
