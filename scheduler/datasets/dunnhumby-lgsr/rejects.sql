-- Every line that could not be read, and every line that means nothing.
select _file as file, _line as line, _reason as reason, _text as text
from raw_transactions
where _reason is not null
union all
select
  _file as file,
  _line as line,
  case when quantity = 0 then 'quantity is 0' else 'quantity is negative' end as reason,
  concat_ws(',', cast(shop_week as varchar), basket_id, prod_code, cast(quantity as varchar), cast(spend as varchar)) as text
from raw_transactions
where _reason is null
  and quantity <= 0
  and shop_week between $week_from and $week_to
