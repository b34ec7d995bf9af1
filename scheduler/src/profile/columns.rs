//! Columns of a table: one row of numbers over all of them, then their most frequent values.

use pannier_proto::manifest::ManifestColumn;
use pannier_proto::profile::{ColumnProfile, QUANTILES, TopValue};
use pannier_proto::spec::ColumnType;

use super::{TextRow, number, text};
use crate::check::ident;

/// Tables of at most so many rows have their different values counted during the scan, in memory.
const IN_MEMORY: u64 = 5_000_000;
/// Most frequent values that are kept of a column.
const TOP: u32 = 10;

/// How a column is profiled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// As the manifest lists it.
    pub of: ManifestColumn,
    /// The expression that is profiled: the column, or a list's length.
    value: String,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Mean, deviation, quantiles.
    Number,
    /// Quantiles.
    Time,
    /// Least and greatest.
    Word,
}

impl Column {
    /// A column as the manifest lists it.
    #[must_use]
    pub fn new(of: &ManifestColumn) -> Self {
        let fits = |t: ColumnType| t.fits(&of.data_type);
        let name = ident(&of.name);
        // An id may be a number, but nobody asks for the mean of ids.
        let is_id = of.name.ends_with("_id") || of.name.ends_with("_idx");
        let (value, kind) = if fits(ColumnType::List) {
            let length = format!("coalesce(cast(array_length({name}) as bigint), 0)");
            (
                format!("case when {name} is not null then {length} end"),
                Kind::Number,
            )
        } else if fits(ColumnType::Timestamp) || fits(ColumnType::Date) {
            (name, Kind::Time)
        } else if !is_id
            && [ColumnType::Integer, ColumnType::Decimal, ColumnType::Float]
                .map(fits)
                .contains(&true)
        {
            (name, Kind::Number)
        } else {
            (name, Kind::Word)
        };
        Self {
            of: of.clone(),
            value,
            kind,
        }
    }

    fn is_list(&self) -> bool {
        ColumnType::List.fits(&self.of.data_type)
    }

    fn is_float(&self) -> bool {
        ColumnType::Float.fits(&self.of.data_type)
    }
}

/// Queries of one row each that describe all columns; no two have a column of the same name.
#[must_use]
pub fn overview(table: &str, rows: u64, columns: &[Column]) -> Vec<String> {
    let (table, mut queries) = (ident(table), Vec::new());
    let mut scan = vec!["count(*) as rows".to_owned()];
    for (i, column) in columns.iter().enumerate() {
        let value = &column.value;
        scan.push(format!("count({value}) as n{i}"));
        scan.push(format!("cast(min({value}) as varchar) as lo{i}"));
        scan.push(format!("cast(max({value}) as varchar) as hi{i}"));
        if rows <= IN_MEMORY {
            scan.push(format!("count(distinct {value}) as u{i}"));
        } else {
            queries.push(format!(
                "select count(*) as u{i} from (select distinct {value} as v from {table}) where v is not null"
            ));
        }
        if column.kind == Kind::Number {
            // Decimal sums do not depend on the order of the rows.
            let exact = if column.is_float() {
                format!("cast({value} as double)")
            } else {
                format!("cast({value} as decimal(28, 6))")
            };
            scan.push(format!("cast(avg({exact}) as varchar) as m{i}"));
            scan.push(format!("stddev(cast({value} as double)) as s{i}"));
        }
        if column.kind != Kind::Word {
            queries.push(quantiles(&table, i, value));
        }
    }
    if !columns.iter().any(Column::is_list) {
        queries.push(format!(
            "select count(*) as distinct_rows from (select distinct * from {table})"
        ));
    }
    queries.insert(0, format!("select {} from {table}", scan.join(", ")));
    queries
}

/// The least value whose rank reaches each share of the rows that have a value.
fn quantiles(table: &str, i: usize, value: &str) -> String {
    let picked: Vec<String> = QUANTILES
        .iter()
        .enumerate()
        .map(|(q, share)| {
            format!(
                "cast(min(case when upto >= {share} * total then v end) as varchar) as q{i}_{q}"
            )
        })
        .collect();
    format!(
        "select {} from (select v, sum(n) over (order by v) as upto, sum(n) over () as total from (select {value} as v, count(*) as n from {table} group by 1) where v is not null)",
        picked.join(", ")
    )
}

/// The columns from the row that [`overview`] gives; and the number of different rows.
#[must_use]
pub fn read_overview(columns: &[Column], row: &TextRow) -> (Vec<ColumnProfile>, Option<u64>) {
    let rows = number(row, "rows");
    let read = |(i, column): (usize, &Column)| ColumnProfile {
        name: column.of.name.clone(),
        data_type: column.of.data_type.clone(),
        missing: rows.saturating_sub(number(row, &format!("n{i}"))),
        distinct: number(row, &format!("u{i}")),
        mean: text(row, &format!("m{i}")).map(|mean| trimmed(&mean)),
        deviation: text(row, &format!("s{i}")).and_then(|s| rounded(&s)),
        min: text(row, &format!("lo{i}")),
        max: text(row, &format!("hi{i}")),
        quantiles: (0..QUANTILES.len())
            .filter_map(|q| text(row, &format!("q{i}_{q}")))
            .collect(),
        top: Vec::new(),
    };
    let distinct = text(row, "distinct_rows").map(|_| number(row, "distinct_rows"));
    (columns.iter().enumerate().map(read).collect(), distinct)
}

/// Without zeros at the end of decimals.
fn trimmed(number: &str) -> String {
    if !number.contains('.') {
        return number.to_owned();
    }
    number
        .trim_end_matches('0')
        .trim_end_matches('.')
        .to_owned()
}

/// The last digits of a floating-point number depend on the order of the rows; nine do not.
fn rounded(number: &str) -> Option<f64> {
    let number: f64 = number.parse().ok()?;
    format!("{number:.8e}").parse().ok()
}

/// The query for the most frequent values of the columns that have some.
#[must_use]
pub fn top(table: &str, columns: &[Column], found: &[ColumnProfile], rows: u64) -> Option<String> {
    let worth = |c: &ColumnProfile| c.distinct > 0 && c.distinct.saturating_mul(2) <= rows.max(2);
    let queries: Vec<String> = columns
        .iter()
        .zip(found)
        .enumerate()
        .filter(|(_, (_, found))| worth(found))
        .map(|(i, (column, _))| {
            format!(
                "(select {i} as place, cast(v as varchar) as value, n from (select {} as v, count(*) as n from {} group by 1) where v is not null order by n desc, v limit {TOP})",
                column.value,
                ident(table)
            )
        })
        .collect();
    (!queries.is_empty()).then(|| queries.join("\nunion all\n"))
}

/// Puts the rows of [`top`] where they belong.
pub fn read_top(columns: &mut [ColumnProfile], rows: &[TextRow]) {
    for row in rows {
        let place = number(row, "place") as usize;
        if let Some(column) = columns.get_mut(place) {
            column.top.push(TopValue {
                value: row.get("value").cloned().unwrap_or_default(),
                rows: number(row, "n"),
            });
        }
    }
    for column in columns {
        let order = |a: &TopValue, b: &TopValue| b.rows.cmp(&a.rows).then(a.value.cmp(&b.value));
        column.top.sort_by(order);
    }
}
