-- Every line that could not be read, and every line that means nothing.
select _file as file, _line as line, reason, text
from (
  select
    _file,
    _line,
    case
      when _reason is not null then _reason
      when not (shop_week between $week_from and $week_to) then null
      when quantity = 0 then 'quantity is 0'
      when quantity < 0 then 'quantity is negative'
    end as reason,
    coalesce(_text, concat_ws(',', cast(shop_week as varchar), basket_id, prod_code,
                              cast(quantity as varchar), cast(spend as varchar))) as text
  from raw_transactions
) lines
where reason is not null
