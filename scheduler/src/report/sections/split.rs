//! Train, valid and test: how they were cut and how large they are.

use maud::{Markup, html};

use super::scroll;
use crate::report::charts::stack::{Segment, stack};
use crate::report::data::{LeftOut, ReportData, Split, SplitPart};
use crate::report::format;

/// The part; `None` where no split was made.
pub fn split(data: &ReportData) -> Option<Markup> {
    let split = data.split.as_ref()?;
    let classes = ["c-train", "c-valid", "c-test"];
    let segments = split
        .parts
        .iter()
        .zip(classes.iter().cycle())
        .map(|(part, class)| Segment {
            label: &part.name,
            value: part.rows as f64,
            shown: format!("{} rows", format::short(part.rows as f64)),
            class,
        });
    let segments: Vec<_> = segments.collect();
    Some(html! {
        p {
            "Split by " (split.by) ", before anything was learned, "
            "so nothing of valid or test is in a vocab, a count or a vector."
        }
        figure { (stack("split-rows", "Rows in each split", &segments)) }
        (scroll("Train, valid and test", &table(split)))
        @if !split.left_out.is_empty() {
            h3 { "What each filter left out" }
            (scroll("What each filter left out", &left_out(&split.left_out)))
        }
    })
}

fn table(split: &Split) -> Markup {
    html! {
        table {
            thead {
                tr {
                    th scope="col" { "Split" }
                    th.n scope="col" { "Rows" }
                    th.n scope="col" { "Baskets" }
                    th.n scope="col" { "Users" }
                    th scope="col" { "From" }
                    th scope="col" { "To" }
                }
            }
            tbody {
                @for part in &split.parts {
                    tr {
                        th scope="row" { (part.name) }
                        td.n { (format::count(part.rows)) }
                        td.n { (format::count(part.baskets)) }
                        td.n { (users(part)) }
                        td.tabular { (part.from.as_deref().unwrap_or("–")) }
                        td.tabular { (part.to.as_deref().unwrap_or("–")) }
                    }
                }
            }
        }
    }
}

fn left_out(filters: &[LeftOut]) -> Markup {
    html! {
        table {
            thead {
                tr {
                    th scope="col" { "What" }
                    th scope="col" { "Rule" }
                    th.n scope="col" { "Left out" }
                    th.n scope="col" { "Of" }
                }
            }
            tbody {
                @for filter in filters {
                    tr {
                        th scope="row" { (filter.what) }
                        td { (filter.rule) }
                        td.n { (format::count(filter.count)) }
                        td.n { (filter.of.map_or_else(|| "–".to_owned(), format::count)) }
                    }
                }
            }
        }
    }
}

fn users(part: &SplitPart) -> String {
    part.users.map_or_else(|| "–".to_owned(), format::count)
}
