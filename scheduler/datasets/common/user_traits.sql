-- What else a source knows of its users, in the columns of `user_habits`: nothing, of most.
select user_id, attribute, value, baskets, last_at, every
from user_habits
where false
