-- Which household got which campaign.
select campaign as campaign_id, household_key as user_id
from raw_campaigns
where _reason is null
