select campaign_id, campaign_type as type, start_date as started_on, end_date as ended_on
from raw_campaign_descriptions
where _reason is null
