-- Unreadable rows, lines of quantity 0 (coupons and fuel, mostly), and lines whose product is unknown.
select _file as file, _line as line, reason as reason, text as text
from (
  select
    t._file,
    t._line,
    case
      when t._reason is not null then t._reason
      when not (t.week between $week_from and $week_to) then null
      when t.quantity = 0 then 'quantity is 0'
      when t.quantity < 0 then 'quantity is negative'
      when p.known_id is null then 'line without a product'
    end as reason,
    coalesce(t._text, concat_ws(',', cast(t.household_id as varchar), cast(t.basket_id as varchar),
                                cast(t.product_id as varchar), cast(t.quantity as varchar),
                                cast(t.sales_value as varchar))) as text
  from raw_transactions t
  left join (select distinct item_id as known_id from products) p on t.product_id = p.known_id
) lines
where reason is not null
union all
select _file as file, _line as line, _reason as reason, _text as text
from raw_products
where _reason is not null
union all
select _file as file, _line as line, _reason as reason, _text as text
from raw_demographics
where _reason is not null
union all
select _file as file, _line as line, _reason as reason, _text as text
from raw_promotions
where _reason is not null
union all
select _file as file, _line as line, _reason as reason, _text as text
from raw_coupons
where _reason is not null
union all
select _file as file, _line as line, _reason as reason, _text as text
from raw_coupon_redemptions
where _reason is not null
union all
select _file as file, _line as line, _reason as reason, _text as text
from raw_campaigns
where _reason is not null
union all
select _file as file, _line as line, _reason as reason, _text as text
from raw_campaign_descriptions
where _reason is not null
