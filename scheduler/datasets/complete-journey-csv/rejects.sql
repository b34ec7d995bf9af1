-- Unreadable rows, lines of quantity 0 (coupons and fuel, mostly), lines without a day or an hour that
-- exists, and lines whose product is unknown.
select _file as file, _line as line, coalesce(reason, 'line without a product') as reason,
  coalesce(_text, concat_ws(',', cast(household_key as varchar), cast(basket_id as varchar),
                            cast(day as varchar), cast(product_id as varchar),
                            cast(quantity as varchar), cast(sales_value as varchar),
                            cast(trans_time as varchar))) as text
from (
  select
    *,
    _reason is not null or week_no between $week_from and $week_to as wanted,
    case
      when _reason is not null then _reason
      when quantity = 0 then 'quantity is 0'
      when quantity < 0 then 'quantity is negative'
      when day <= 0 then 'DAY is below 1'
      when not (trans_time between 0 and 2359 and trans_time % 100 < 60)
        then 'TRANS_TIME is no time written HHMM'
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
