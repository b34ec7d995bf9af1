-- Unreadable rows, lines of quantity 0 (coupons and fuel, mostly), and lines whose product is unknown.
select _file as file, _line as line, _reason as reason, _text as text
from raw_transactions
where _reason is not null
union all
select _file as file, _line as line, _reason as reason, _text as text
from raw_products
where _reason is not null
union all
select
  t._file as file,
  t._line as line,
  case when t.quantity <= 0 then 'quantity is 0' else 'line without a product' end as reason,
  concat_ws(',', cast(t.household_id as varchar), cast(t.basket_id as varchar), cast(t.product_id as varchar),
            cast(t.quantity as varchar), cast(t.sales_value as varchar)) as text
from raw_transactions t
left join (select distinct product_id as known_id from raw_products where _reason is null) p on t.product_id = p.known_id
where t._reason is null
  and (t.quantity <= 0 or p.known_id is null)
  and t.week between $week_from and $week_to
