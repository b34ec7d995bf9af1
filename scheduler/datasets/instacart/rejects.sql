-- Rows that cannot be read, and lines whose order or product is unknown.
select _file as file, _line as line, reason as reason, text as text
from (
  select
    l._file,
    l._line,
    case
      when l._reason is not null then l._reason
      when o.basket_id is null then 'line without an order'
      when p.item_id is null then 'line without a product'
    end as reason,
    coalesce(l._text, concat_ws(',', cast(l.order_id as varchar), cast(l.product_id as varchar),
                                cast(l.add_to_cart_order as varchar), cast(l.reordered as varchar))) as text
  from raw_lines l
  left join (select basket_id from orders) o on l.order_id = o.basket_id
  left join (select item_id from items) p on l.product_id = p.item_id
) lines
where reason is not null
union all
select _file as file, _line as line, _reason as reason, _text as text
from raw_orders
where _reason is not null
union all
select _file as file, _line as line, _reason as reason, _text as text
from raw_products
where _reason is not null
union all
select _file as file, _line as line, _reason as reason, _text as text
from raw_aisles
where _reason is not null
union all
select _file as file, _line as line, _reason as reason, _text as text
from raw_departments
where _reason is not null
