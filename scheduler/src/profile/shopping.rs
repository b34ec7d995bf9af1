//! How people shop, from `transactions` alone: basket sizes, the long tail of items, weeks, and how
//! much of a basket was bought before.

use pannier_proto::profile::{BANDS, Counted, Repeat, Shopping, TableProfile, Week};

use super::{TextRow, number};

/// Basket sizes, items by their lines, and weeks: rows of three kinds. Without a column of money
/// `spend` is empty.
#[must_use]
pub fn market(with_spend: bool) -> String {
    let spend = if with_spend {
        "cast(sum(spend) as varchar)"
    } else {
        "''"
    };
    format!(
        "select 'size' as kind, cast(size as bigint) as a, count(*) as b, 0 as c, '' as text
  from (select count(distinct item_id) as size from transactions group by basket_id) group by size
union all
select 'item' as kind, n as a, count(*) as b, 0 as c, '' as text
  from (select count(*) as n from transactions where item_id is not null group by item_id) group by n
union all
select 'week' as kind, cast(date_part('epoch', week) as bigint) as a, baskets as b, lines as c, text
  from (select date_trunc('week', ordered_at) as week, count(distinct basket_id) as baskets, count(*) as lines, {spend} as text
    from transactions where ordered_at is not null group by 1)"
    )
}

/// Items of known users by the number of their basket, and those of them bought for the first
/// time: one row. Baskets of the same moment are ordered by their id.
#[must_use]
pub fn repeats() -> String {
    let within = |number: &str, (from, to): (u64, Option<u64>)| match to {
        Some(to) => format!("{number} between {from} and {to}"),
        None => format!("{number} >= {from}"),
    };
    let lines = BANDS.iter().enumerate().map(|(i, band)| {
        let within = within("number", *band);
        format!("count(case when {within} then 1 end) as lines{i}")
    });
    let sums = BANDS.iter().enumerate().map(|(i, band)| {
        let within = within("first", *band);
        format!("sum(lines{i}) as lines{i}, count(case when {within} then 1 end) as new{i}")
    });
    format!(
        "with heads as (
  select user_id, basket_id, row_number() over (partition by user_id order by at, basket_id) as number
  from (select user_id, basket_id, min(ordered_at) as at from transactions where user_id is not null group by user_id, basket_id)
), bought as (
  select l.user_id, l.item_id, h.number
  from (select distinct user_id, basket_id, item_id from transactions where user_id is not null) l
  join heads h on l.user_id = h.user_id and l.basket_id = h.basket_id
), pairs as (
  select min(number) as first, {} from bought group by user_id, item_id
)
select {} from pairs",
        lines.collect::<Vec<_>>().join(", "),
        sums.collect::<Vec<_>>().join(", ")
    )
}

/// What [`market`] says, beside what is known of the table.
#[must_use]
pub fn read_market(table: &TableProfile, rows: &[TextRow]) -> Shopping {
    let column = |name: &str| table.columns.iter().find(|c| c.name == name);
    let distinct = |name: &str| column(name).map_or(0, |c| c.distinct);
    let mut shopping = Shopping {
        lines: table.rows,
        anonymous: column("user_id").map_or(0, |c| c.missing),
        users: distinct("user_id"),
        baskets: distinct("basket_id"),
        items: distinct("item_id"),
        ..Shopping::default()
    };
    for row in rows {
        let counted = Counted {
            of: number(row, "a"),
            things: number(row, "b"),
        };
        match row.get("kind").map(String::as_str) {
            Some("size") => shopping.sizes.push(counted),
            Some("item") => shopping.popularity.push(counted),
            Some("week") => shopping.weeks.push(Week {
                monday: day(row),
                baskets: counted.things,
                lines: number(row, "c"),
                spend: row.get("text").cloned().unwrap_or_default(),
            }),
            _ => {}
        }
    }
    shopping.sizes.sort_by_key(|c| c.of);
    shopping.popularity.sort_by_key(|c| std::cmp::Reverse(c.of));
    shopping.weeks.sort_by(|a, b| a.monday.cmp(&b.monday));
    shopping
}

fn day(row: &TextRow) -> String {
    let seconds: i64 = row.get("a").and_then(|v| v.parse().ok()).unwrap_or(0);
    chrono::DateTime::from_timestamp(seconds, 0)
        .map(|t| t.format("%Y-%m-%d").to_string())
        .unwrap_or_default()
}

/// The bands in which something was bought, from the row of [`repeats`].
#[must_use]
pub fn read_repeats(row: &TextRow) -> Vec<Repeat> {
    let band = |(i, (from, to)): (usize, &(u64, Option<u64>))| {
        let lines = number(row, &format!("lines{i}"));
        let new = number(row, &format!("new{i}"));
        (lines > 0).then(|| Repeat {
            from: *from,
            to: *to,
            lines,
            repeated: lines.saturating_sub(new),
        })
    };
    BANDS.iter().enumerate().filter_map(band).collect()
}
