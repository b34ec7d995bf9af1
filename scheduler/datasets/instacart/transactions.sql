-- Lines of known orders and known products. One line is one product, whatever its number of units;
-- there are no prices. Orders of the set `test` have no lines.
select
  o.user_id,
  o.basket_id,
  o.ordered_at,
  l.product_id as item_id,
  arrow_cast(1, 'Int32') as quantity,
  arrow_cast(null, 'Decimal128(12, 2)') as spend,
  l.add_to_cart_order as position,
  l.reordered = 1 as reordered,
  o.order_number,
  o.eval_set
from raw_lines l
join (select basket_id, user_id, ordered_at, order_number, eval_set from orders) o on l.order_id = o.basket_id
join (select item_id as known_id from items) p on l.product_id = p.known_id
where l._reason is null
