-- What item vectors are trained on: baskets of at least two items.
select basket_id, items
from baskets
where split = 'train' and array_length(items) >= 2
