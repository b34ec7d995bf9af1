-- A product is called by its type.
select
  item_id,
  coalesce(type, category, cast(item_id as varchar)) as name,
  department,
  category,
  brand,
  package_size
from products
