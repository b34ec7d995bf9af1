//! The tables of the run: version, size, and what making them cost.

use maud::{Markup, html};

use super::{mark, scroll};
use crate::report::data::{ReportData, TableRow};
use crate::report::format;

/// The part; `None` where no table is recorded.
pub fn tables(data: &ReportData) -> Option<Markup> {
    if data.tables.is_empty() {
        return None;
    }
    let found = data.tables.iter().filter(|table| table.skipped).count();
    let table = html! {
        table {
            thead {
                tr {
                    th scope="col" { "Table" }
                    th scope="col" { "Version" }
                    th.n scope="col" { "Rows" }
                    th.n scope="col" { "Size" }
                    th.n scope="col" { "Parts" }
                    th.n scope="col" { "Time" }
                    th.n scope="col" { "Source rows/s" }
                }
            }
            tbody { @for table in &data.tables { (row(table)) } }
            tfoot { (total(&data.tables)) }
        }
    };
    Some(html! {
        p {
            "A version is named by what the table was made from, "
            "so the same version always holds the same rows. "
            @if found > 0 {
                (format::plural(found as u64, "table was", "tables were"))
                " already there and cost nothing."
            } @else {
                "None of them was already there: all were made in this run."
            }
        }
        (scroll("Tables of this run", &table))
    })
}

fn row(table: &TableRow) -> Markup {
    html! {
        tr {
            th scope="row" { (table.name) }
            td { code { (format::hash(&table.version)) } }
            td.n { (format::count(table.rows)) }
            td.n { (format::bytes(table.bytes)) }
            td.n { (format::count(table.parts)) }
            @if table.skipped {
                td.n colspan="2" { (mark("quiet", "○", "already there")) }
            } @else {
                td.n { (format::duration(table.seconds)) }
                td.n { (rate(table)) }
            }
        }
    }
}

fn rate(table: &TableRow) -> String {
    match table.source_rows {
        Some(rows) if table.seconds > 0.0 => {
            format::count((rows as f64 / table.seconds).round() as u64)
        }
        _ => "–".to_owned(),
    }
}

fn total(tables: &[TableRow]) -> Markup {
    let sum = |field: fn(&TableRow) -> u64| tables.iter().map(field).fold(0, u64::saturating_add);
    let seconds: f64 = tables
        .iter()
        .filter(|table| !table.skipped)
        .map(|table| table.seconds)
        .sum();
    html! {
        tr {
            th scope="row" { "All" }
            td {}
            td.n { (format::count(sum(|table| table.rows))) }
            td.n { (format::bytes(sum(|table| table.bytes))) }
            td.n { (format::count(sum(|table| table.parts))) }
            td.n { (format::duration(seconds)) }
            td {}
        }
    }
}
