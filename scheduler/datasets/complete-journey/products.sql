select
  product_id as item_id,
  manufacturer_id,
  department,
  brand,
  product_category as category,
  product_type as type,
  package_size
from raw_products
where _reason is null
