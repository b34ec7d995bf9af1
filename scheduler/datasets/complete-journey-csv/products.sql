-- A blank stands for what is not known.
select
  product_id as item_id,
  manufacturer as manufacturer_id,
  nullif(trim(department), '') as department,
  nullif(trim(brand), '') as brand,
  nullif(trim(commodity_desc), '') as category,
  nullif(trim(sub_commodity_desc), '') as type,
  nullif(trim(curr_size_of_product), '') as package_size
from raw_products
where _reason is null
