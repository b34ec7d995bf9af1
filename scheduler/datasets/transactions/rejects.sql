-- Lines that could not be read, and lines whose quantity means nothing.
select _file as file, _line as line, reason, text
from (
  select
    _file,
    _line,
    case
      when _reason is not null then _reason
      when item_id is null or {basket_id} is null then null
      when quantity = 0 then 'quantity is 0'
      when quantity < 0 then 'quantity is negative'
      when quantity > 1000000 then 'quantity is above 1000000'
    end as reason,
    coalesce(_text, concat_ws(',', cast(user_id as varchar), cast({basket_id} as varchar), cast(item_id as varchar),
                              cast(quantity as varchar), cast(spend as varchar))) as text
  from raw_transactions
) lines
where reason is not null
