-- Lines that could not be read, and lines whose quantity means nothing.
select _file as file, _line as line, _reason as reason, _text as text
from raw_transactions
where _reason is not null
union all
select
  _file as file,
  _line as line,
  case
    when quantity = 0 then 'quantity is 0'
    when quantity < 0 then 'quantity is negative'
    else 'quantity is above 1000000'
  end as reason,
  concat_ws(',', cast(user_id as varchar), cast({basket_id} as varchar), cast(item_id as varchar),
            cast(quantity as varchar), cast(spend as varchar)) as text
from raw_transactions
where _reason is null
  and item_id is not null
  and {basket_id} is not null
  and not (quantity between 1 and 1000000)
