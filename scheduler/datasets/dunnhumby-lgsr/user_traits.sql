-- What the source says of customers, of their baskets and stores, and which product groups they buy.
select
  user_id,
  'price_sensitivity' as attribute,
  price_sensitivity as value,
  arrow_cast(1, 'Int64') as baskets,
  arrow_cast(null, 'Timestamp(Second, None)') as last_at,
  false as every
from users
where price_sensitivity is not null
union all
select
  user_id,
  'lifestage' as attribute,
  lifestage as value,
  arrow_cast(1, 'Int64') as baskets,
  arrow_cast(null, 'Timestamp(Second, None)') as last_at,
  false as every
from users
where lifestage is not null
union all
select
  user_id,
  'seg_1' as attribute,
  seg_1 as value,
  arrow_cast(1, 'Int64') as baskets,
  arrow_cast(null, 'Timestamp(Second, None)') as last_at,
  false as every
from users
where seg_1 is not null
union all
select
  user_id,
  'seg_2' as attribute,
  seg_2 as value,
  arrow_cast(1, 'Int64') as baskets,
  arrow_cast(null, 'Timestamp(Second, None)') as last_at,
  false as every
from users
where seg_2 is not null
union all
select
  user_id,
  'basket_size' as attribute,
  basket_size as value,
  count(*) as baskets,
  max(ordered_at) as last_at,
  false as every
from basket_attributes
where user_id is not null and basket_size is not null
group by user_id, basket_size
union all
select
  user_id,
  'basket_price_sensitivity' as attribute,
  basket_price_sensitivity as value,
  count(*) as baskets,
  max(ordered_at) as last_at,
  false as every
from basket_attributes
where user_id is not null and basket_price_sensitivity is not null
group by user_id, basket_price_sensitivity
union all
select
  user_id,
  'basket_type' as attribute,
  basket_type as value,
  count(*) as baskets,
  max(ordered_at) as last_at,
  false as every
from basket_attributes
where user_id is not null and basket_type is not null
group by user_id, basket_type
union all
select
  user_id,
  'basket_dominant_mission' as attribute,
  basket_dominant_mission as value,
  count(*) as baskets,
  max(ordered_at) as last_at,
  false as every
from basket_attributes
where user_id is not null and basket_dominant_mission is not null
group by user_id, basket_dominant_mission
union all
select
  user_id,
  'store_format' as attribute,
  store_format as value,
  count(*) as baskets,
  max(ordered_at) as last_at,
  false as every
from basket_attributes
where user_id is not null and store_format is not null
group by user_id, store_format
union all
select
  user_id,
  'store_region' as attribute,
  store_region as value,
  count(*) as baskets,
  max(ordered_at) as last_at,
  false as every
from basket_attributes
where user_id is not null and store_region is not null
group by user_id, store_region
union all
select
  user_id,
  'prod_code_30' as attribute,
  prod_code_30 as value,
  count(distinct basket_id) as baskets,
  max(ordered_at) as last_at,
  true as every
from transactions
where user_id is not null and prod_code_30 is not null
group by user_id, prod_code_30
