//! What the source holds: its columns.

use maud::{Markup, html};
use pannier_proto::profile::{ColumnProfile, Profile, QUANTILES, TableProfile};

use super::{scroll, shopping};
use crate::report::charts::bar::bar;
use crate::report::data::ReportData;
use crate::report::format;

/// Most frequent values named in a cell.
const NAMED: usize = 3;
/// Characters of a value in a cell.
const WIDEST: usize = 22;

/// The part; `None` where nothing was profiled.
pub fn part(data: &ReportData) -> Option<Markup> {
    let profile = data.profile.as_ref()?;
    (!profile.tables.is_empty()).then(|| body(profile))
}

/// Everything of a profile.
pub fn body(profile: &Profile) -> Markup {
    html! {
        p {
            "What the tables hold, counted over all rows. Quantiles are exact; "
            "money is summed as decimals."
        }
        @if let Some(shopping) = &profile.shopping { (shopping::shopping(shopping)) }
        @for table in &profile.tables { (columns(table)) }
    }
}

fn columns(table: &TableProfile) -> Markup {
    let shown = html! {
        table {
            thead {
                tr {
                    th scope="col" { "Column" }
                    th.n scope="col" { "Missing" }
                    th.n scope="col" { "Different" }
                    th.n scope="col" { "Mean" }
                    th.n scope="col" { "Std. dev." }
                    th.n scope="col" { "Min" }
                    @for share in QUANTILES { th.n scope="col" { (share * 100.0) "\u{a0}%" } }
                    th.n scope="col" { "Max" }
                    th scope="col" { "Most frequent" }
                }
            }
            tbody { @for column in &table.columns { (row(column, table.rows)) } }
        }
    };
    html! {
        h3 {
            (table.table) " "
            span.kind {
                (format::plural(table.rows, "row", "rows"))
                @if let Some(distinct) = table.distinct_rows {
                    ", "
                    @if distinct == table.rows { "all different" } @else { (format::count(distinct)) " different" }
                }
                " · version " code { (format::hash(&table.version)) }
            }
        }
        (scroll(&format!("Columns of {}", table.table), &shown))
        (frequent(table))
    }
}

fn row(column: &ColumnProfile, rows: u64) -> Markup {
    html! {
        tr {
            th scope="row" { (column.name) small { (column.data_type) } }
            td.n { (format::share(column.missing as f64, rows as f64)) }
            td.n { (format::count(column.distinct)) }
            td.n { (number(column.mean.as_deref())) }
            td.n { @if let Some(deviation) = column.deviation { (format::significant(deviation)) } }
            td.n { (short(column.min.as_deref())) }
            @for i in 0..QUANTILES.len() { td.n { (short(column.quantiles.get(i).map(String::as_str))) } }
            td.n { (short(column.max.as_deref())) }
            td { (top(column, rows)) }
        }
    }
}

/// A mean with three digits, or as it stands where it is no number.
fn number(text: Option<&str>) -> String {
    let text = text.unwrap_or_default();
    text.parse()
        .map_or_else(|_| text.to_owned(), format::significant)
}

fn short(text: Option<&str>) -> String {
    format::clip(&text.unwrap_or_default().replace("T00:00:00", ""), WIDEST)
}

fn top(column: &ColumnProfile, rows: u64) -> Markup {
    html! {
        @for (i, value) in column.top.iter().take(NAMED).enumerate() {
            @if i > 0 { ", " }
            (format::clip(&value.value, WIDEST)) " "
            span.quiet { (format::share(value.rows as f64, rows as f64)) }
        }
    }
}

fn frequent(table: &TableProfile) -> Markup {
    let with: Vec<&ColumnProfile> = table.columns.iter().filter(|c| !c.top.is_empty()).collect();
    html! {
        @if !with.is_empty() {
            details {
                summary { "Most frequent values of " (table.table) }
                div.cards {
                    @for column in with {
                        div.card {
                            h4 { (column.name) }
                            (values(column, table.rows))
                        }
                    }
                }
            }
        }
    }
}

fn values(column: &ColumnProfile, rows: u64) -> Markup {
    let most = column.top.first().map_or(1, |value| value.rows) as f64;
    html! {
        table {
            tbody {
                @for value in &column.top {
                    tr {
                        td { (format::clip(&value.value, 40)) }
                        td.n { (format::count(value.rows)) }
                        td.n { (format::share(value.rows as f64, rows as f64)) }
                        td.narrow { (bar(value.rows as f64 / most, "c-accent")) }
                    }
                }
            }
        }
    }
}
