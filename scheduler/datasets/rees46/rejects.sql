-- Lines that cannot be read, and events of an unknown kind.
select _file as file, _line as line, reason, text
from (
  select
    _file,
    _line,
    case
      when _reason is not null then _reason
      when event_type not in ('view', 'cart', 'remove_from_cart', 'purchase')
        then concat('event_type is `', event_type, '`, not view, cart, remove_from_cart or purchase')
    end as reason,
    coalesce(_text, concat_ws(',', cast(event_time as varchar), event_type, cast(product_id as varchar),
                              cast(user_id as varchar), user_session)) as text
  from raw_events
) lines
where reason is not null
