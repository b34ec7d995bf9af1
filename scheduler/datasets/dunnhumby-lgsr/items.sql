-- Products and their place in the hierarchy. The source has no names.
select
  prod_code as item_id,
  prod_code as name,
  min(prod_code_40) as department,
  min(prod_code_10) as category,
  count(distinct concat_ws('/', prod_code_40, prod_code_30, prod_code_20, prod_code_10)) as paths
from raw_transactions
where _reason is null
group by prod_code
