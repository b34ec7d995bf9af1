select
  product_id as item_id,
  coalesce(product_type, product_category, cast(product_id as varchar)) as name,
  department,
  product_category as category,
  brand,
  package_size
from raw_products
where _reason is null
