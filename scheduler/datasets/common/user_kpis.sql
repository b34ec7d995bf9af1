-- What every known user bought in all, whatever a model is trained on. Nothing is known of spend or
-- units where the source does not tell them.
select
  user_id,
  cast(sum(spend) as double) as spend,
  cast(sum(quantity) as double) as units,
  cast(count(distinct basket_id) as double) as baskets
from transactions
where user_id is not null
group by user_id
