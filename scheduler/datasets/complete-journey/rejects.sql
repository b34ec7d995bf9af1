-- Unreadable rows, lines of quantity 0 (coupons and fuel, mostly), and lines whose product is unknown.
select _file as file, _line as line, coalesce(reason, 'line without a product') as reason,
  coalesce(_text, concat_ws(',', cast(household_id as varchar), cast(basket_id as varchar),
                            cast(product_id as varchar), cast(quantity as varchar),
                            cast(sales_value as varchar))) as text
from (
  select
    *,
    _reason is not null or week between $week_from and $week_to as wanted,
    case
      when _reason is not null then _reason
      when quantity = 0 then 'quantity is 0'
      when quantity < 0 then 'quantity is negative'
    end as reason
  from raw_transactions
) lines
where wanted
  and (reason is not null or not is_in(product_id, 'products', 'item_id', $products_version))
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
