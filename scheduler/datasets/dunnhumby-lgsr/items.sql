-- Products and their place in the hierarchy, the whole of it and by its usual names. The source has
-- no names of products.
select
  item_id,
  item_id as name,
  min(prod_code_40) as department,
  min(prod_code_10) as category,
  min(prod_code_10) as prod_code_10,
  min(prod_code_20) as prod_code_20,
  min(prod_code_30) as prod_code_30,
  min(prod_code_40) as prod_code_40,
  count(distinct concat_ws('/', prod_code_40, prod_code_30, prod_code_20, prod_code_10)) as paths
from transactions
group by item_id
