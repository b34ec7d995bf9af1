-- Unreadable rows, lines of quantity 0 (coupons and fuel, mostly), lines without a day or an hour that
-- exists, and lines whose product is unknown.
select _file as file, _line as line, reason as reason, text as text
from (
  select
    t._file,
    t._line,
    case
      when t._reason is not null then t._reason
      when not (t.week_no between $week_from and $week_to) then null
      when t.quantity = 0 then 'quantity is 0'
      when t.quantity < 0 then 'quantity is negative'
      when t.day <= 0 then 'DAY is below 1'
      when not (t.trans_time between 0 and 2359 and t.trans_time % 100 < 60)
        then 'TRANS_TIME is no time written HHMM'
      when p.known_id is null then 'line without a product'
    end as reason,
    coalesce(t._text, concat_ws(',', cast(t.household_key as varchar), cast(t.basket_id as varchar),
                                cast(t.day as varchar), cast(t.product_id as varchar),
                                cast(t.quantity as varchar), cast(t.sales_value as varchar),
                                cast(t.trans_time as varchar))) as text
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
