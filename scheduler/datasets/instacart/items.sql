-- Products with their names, and with the words for aisle and department instead of numbers.
select
  p.product_id as item_id,
  p.product_name as name,
  d.department,
  a.aisle as category,
  a.aisle,
  p.aisle_id,
  p.department_id
from raw_products p
left join (select aisle_id, aisle from aisles) a on p.aisle_id = a.aisle_id
left join (select department_id, department from departments) d on p.department_id = d.department_id
where p._reason is null
