//! Profiles: a table of columns for each table, and figures of how people shop.

use pannier_proto::ids::short;
use pannier_proto::profile::{ColumnProfile, Profile, Shopping, TableProfile};

use super::format::{count, plural};
use super::table::{Table, clean};

/// Columns of the screen for one value.
const WIDEST: usize = 20;
/// Columns of the screen of a whole bar.
const BAR: f64 = 30.0;

/// Everything, tables first.
pub fn profile(profile: &Profile) -> Vec<String> {
    let mut lines = Vec::new();
    for table in &profile.tables {
        lines.extend(columns(table));
        lines.push(String::new());
    }
    if let Some(shopping) = &profile.shopping {
        lines.extend(figures(shopping));
    } else {
        lines.pop();
    }
    lines
}

fn columns(table: &TableProfile) -> Vec<String> {
    let distinct = match table.distinct_rows {
        Some(n) if n == table.rows => ", all different".to_owned(),
        Some(n) => format!(", {} different", count(n)),
        None => String::new(),
    };
    let rows = plural(table.rows, "row");
    let version = short(&table.version);
    let heading = format!("{}: {rows}{distinct}, version {version}", table.table);
    let titles = [
        "column",
        "type",
        ">missing",
        ">different",
        ">mean",
        ">sd",
        ">min",
        ">25 %",
        ">median",
        ">75 %",
        ">max",
        "most frequent",
    ];
    let mut shown = Table::new(&titles).widest(WIDEST);
    for column in &table.columns {
        shown.row(row(column, table.rows));
    }
    std::iter::once(heading).chain(shown.lines()).collect()
}

fn row(column: &ColumnProfile, rows: u64) -> [String; 12] {
    let value = |text: Option<&String>| text.map_or_else(String::new, |v| day(v).to_owned());
    let quantile = |i: usize| value(column.quantiles.get(i));
    let top = column.top.first().map(|top| {
        let share = percent(top.rows, rows);
        format!("{} ({share})", clean(&top.value))
    });
    [
        column.name.clone(),
        column.data_type.clone(),
        percent(column.missing, rows),
        count(column.distinct),
        column.mean.as_deref().map_or_else(String::new, rounded),
        column
            .deviation
            .map_or_else(String::new, |d| rounded(&d.to_string())),
        value(column.min.as_ref()),
        quantile(1),
        quantile(2),
        quantile(3),
        value(column.max.as_ref()),
        top.unwrap_or_default(),
    ]
}

/// A moment at midnight is a day.
fn day(value: &str) -> &str {
    value.strip_suffix("T00:00:00").unwrap_or(value)
}

/// At most three decimals.
fn rounded(number: &str) -> String {
    let Ok(value) = number.parse::<f64>() else {
        return number.to_owned();
    };
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn percent(part: u64, whole: u64) -> String {
    if part == 0 {
        return "0 %".to_owned();
    }
    format!("{:.1} %", part as f64 / whole.max(1) as f64 * 100.0)
}

fn figures(shopping: &Shopping) -> Vec<String> {
    let baskets: u64 = shopping.sizes.iter().map(|s| s.things).sum();
    let mut lines = vec![format!(
        "{} in {} of {}; {} ({} of the lines without a user), {}",
        plural(shopping.lines, "line"),
        plural(shopping.baskets, "basket"),
        plural(shopping.items, "item"),
        plural(shopping.users, "user"),
        percent(shopping.anonymous, shopping.lines),
        plural(shopping.weeks.len() as u64, "week"),
    )];
    lines.push(String::new());
    let mut sizes = Table::new(&["different items of a basket", ">baskets", ">share", ""]);
    for (label, from, to) in [
        ("1", 1, 1),
        ("2", 2, 2),
        ("3 to 5", 3, 5),
        ("6 to 10", 6, 10),
        ("11 to 20", 11, 20),
        ("21 on", 21, u64::MAX),
    ] {
        let within = shopping
            .sizes
            .iter()
            .filter(|s| (from..=to).contains(&s.of));
        let things: u64 = within.map(|s| s.things).sum();
        let share = things as f64 / baskets.max(1) as f64;
        sizes.row([
            label.to_owned(),
            count(things),
            percent(things, baskets),
            bar(share),
        ]);
    }
    lines.extend(sizes.lines());
    if !shopping.repeats.is_empty() {
        lines.push(String::new());
        let mut repeats =
            Table::new(&["number of a user's basket", ">items", ">bought before", ""]);
        for repeat in &shopping.repeats {
            repeats.row([
                repeat.label(),
                count(repeat.lines),
                percent(repeat.repeated, repeat.lines),
                bar(repeat.share()),
            ]);
        }
        lines.extend(repeats.lines());
    }
    lines
}

fn bar(share: f64) -> String {
    "█".repeat((share.clamp(0.0, 1.0) * BAR).round() as usize)
}

#[cfg(test)]
mod tests {
    use pannier_proto::profile::{Counted, Repeat, TopValue, Week};

    use super::*;

    #[test]
    fn a_profile_is_two_tables_and_a_line() {
        let text = |values: &[&str]| values.iter().map(|v| (*v).to_owned()).collect();
        let spend = ColumnProfile {
            name: "spend".into(),
            data_type: "Decimal128(12, 2)".into(),
            missing: 1,
            distinct: 2,
            mean: Some("1.75".into()),
            deviation: Some(1.060_660_17),
            min: Some("1.00".into()),
            max: Some("2.50".into()),
            quantiles: text(&["1.00", "1.00", "1.00", "2.50", "2.50"]),
            top: vec![TopValue {
                value: "1.00".into(),
                rows: 1,
            }],
        };
        let profile = Profile {
            tables: vec![TableProfile {
                table: "transactions".into(),
                version: "0123456789abcdef".into(),
                rows: 4,
                distinct_rows: Some(3),
                columns: vec![spend],
            }],
            shopping: Some(Shopping {
                lines: 4,
                anonymous: 1,
                users: 2,
                baskets: 3,
                items: 2,
                sizes: vec![Counted { of: 1, things: 2 }, Counted { of: 2, things: 1 }],
                popularity: vec![Counted { of: 2, things: 2 }],
                weeks: vec![Week {
                    monday: "2026-01-05".into(),
                    baskets: 3,
                    lines: 4,
                    spend: "7.00".into(),
                }],
                repeats: vec![Repeat {
                    from: 2,
                    to: Some(2),
                    lines: 2,
                    repeated: 1,
                }],
            }),
        };
        let want = "\
transactions: 4 rows, 3 different, version 0123456789ab
column  type               missing  different  mean     sd   min  25 %  median  75 %   max  most frequent
spend   Decimal128(12, 2)   25.0 %          2  1.75  1.061  1.00  1.00    1.00  2.50  2.50  1.00 (25.0 %)

4 lines in 3 baskets of 2 items; 2 users (25.0 % of the lines without a user), 1 week

different items of a basket  baskets   share
1                                  2  66.7 %  ████████████████████
2                                  1  33.3 %  ██████████
3 to 5                             0     0 %
6 to 10                            0     0 %
11 to 20                           0     0 %
21 on                              0     0 %

number of a user's basket  items  bought before
2                              2         50.0 %  ███████████████";
        assert_eq!(super::profile(&profile).join("\n"), want);
    }
}
