select department_id, department
from raw_departments
where _reason is null
