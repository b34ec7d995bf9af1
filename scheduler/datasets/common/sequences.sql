-- A known user's baskets in true time order, the id breaking ties.
select
  user_id,
  collect_sorted(items, ordered_at, basket_id) as baskets,
  collect_sorted(ordered_at, ordered_at, basket_id) as ordered_at,
  count(*) as count
from baskets
where user_id is not null
group by user_id
