-- The source has no names: brand and category stand for one.
select
  item_id,
  case
    when brand is null and category is null then cast(item_id as varchar)
    else concat_ws(' ', brand, category)
  end as name,
  split_part(category, '.', 1) as department,
  category,
  category_id,
  brand,
  price
from products
