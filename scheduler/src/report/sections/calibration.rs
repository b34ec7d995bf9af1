//! How right the probabilities are that a model gives: a diagram and its numbers.

use maud::{Markup, html};
use pannier_proto::event::CalibrationRow;

use super::scroll;
use crate::report::charts::diagonal::diagonal;
use crate::report::data::ReportData;
use crate::report::format;

/// The block below the differences; nothing where no model gives probabilities.
pub fn calibration(data: &ReportData) -> Markup {
    html! {
        @if !data.calibration.is_empty() {
            h3 { "Are the probabilities right?" }
            p {
                "Places of lists, or decisions, by the probability that was given to them, and the share of them that "
                "was bought. Right probabilities lie on the diagonal; below it a method promises too much."
            }
            @for (i, rows) in data.calibration.chunk_by(|a, b| a.method == b.method).enumerate() {
                (model(i, rows))
            }
        }
    }
}

fn model(i: usize, rows: &[CalibrationRow]) -> Markup {
    let name = rows.first().map_or("", |row| row.method.as_str());
    let points: Vec<(f64, f64)> = rows.iter().map(|r| (r.predicted, r.observed)).collect();
    let desc = rows
        .iter()
        .map(|r| {
            format!(
                "{} given, {} bought",
                format::metric(r.predicted),
                format::metric(r.observed)
            )
        })
        .collect::<Vec<_>>()
        .join("; ");
    let title = format!("Calibration of {name}");
    html! {
        h4 { (name) }
        (diagonal(&format!("calibration-{i}"), &title, &desc, &points))
        (scroll(&title, &table(rows)))
    }
}

fn table(rows: &[CalibrationRow]) -> Markup {
    html! {
        table {
            thead {
                tr {
                    th.n scope="col" { "Probability from" }
                    th.n scope="col" { "Number" }
                    th.n scope="col" { "Mean probability" }
                    th.n scope="col" { "Share bought" }
                }
            }
            tbody {
                @for row in rows {
                    tr {
                        td.n { (format::metric(row.from)) }
                        td.n { (format::count(row.n)) }
                        td.n { (format::metric(row.predicted)) }
                        td.n { (format::metric(row.observed)) }
                    }
                }
            }
        }
    }
}
