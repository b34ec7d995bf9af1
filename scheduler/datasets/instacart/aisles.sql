select aisle_id, aisle
from raw_aisles
where _reason is null
