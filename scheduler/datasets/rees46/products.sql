-- Products and what they cost: prices move, so the mean over all events, and the ends.
select
  item_id,
  min(category_id) as category_id,
  min(category) as category,
  min(brand) as brand,
  arrow_cast(avg(price), 'Decimal128(12, 2)') as price,
  min(price) as lowest_price,
  max(price) as highest_price,
  count(distinct category_id) as categories,
  count(*) as events,
  count(case when kind = 'purchase' then 1 end) as purchases
from events
where week between $week_from and $week_to
group by item_id
