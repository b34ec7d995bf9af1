//! Paired differences of a model against each baseline, with a verdict in words.

use maud::{Markup, html};

use super::metrics::leads;
use super::{mark, scroll};
use crate::report::charts::intervals::around_zero;
use crate::report::charts::scale::Linear;
use crate::report::data::{Difference, ReportData, Verdict};
use crate::report::format;

/// The block below the metrics.
pub fn differences(data: &ReportData) -> Markup {
    html! {
        h3 { "Model against baseline" }
        @if data.differences.is_empty() {
            p.empty {
                "No paired differences were recorded: "
                "they need a model and a baseline evaluated on the same users."
            }
        } @else {
            p {
                "Each row is the mean of the model's value minus the baseline's over the same users. "
                "It counts as better or worse only where the whole 95 % interval is on one side of zero."
            }
            @let (first, others) = by_headline(&data.differences);
            (scroll("Paired differences", &table(&first)))
            @if !others.is_empty() {
                details {
                    summary { "At other lengths of the list" }
                    (scroll("Paired differences at other lengths", &table(&others)))
                }
            }
        }
    }
}

/// Those of the metrics that lead, and the others.
fn by_headline(differences: &[Difference]) -> (Vec<Difference>, Vec<Difference>) {
    let names: Vec<&str> = differences.iter().map(|d| d.metric.as_str()).collect();
    let leading = |d: &Difference| leads(&d.metric, &names);
    differences.iter().cloned().partition(leading)
}

fn table(differences: &[Difference]) -> Markup {
    html! {
        table {
            thead {
                tr {
                    th scope="col" { "Metric" }
                    th scope="col" { "Model" }
                    th scope="col" { "Baseline" }
                    th.n scope="col" { "Difference" }
                    th.n scope="col" { "95 % interval" }
                    th.wide { span.hidden { "Interval around zero" } }
                    th scope="col" { "The model is" }
                }
            }
            @for group in groups(differences) {
                @let scale = scale(group);
                tbody.ruled {
                    @for (i, difference) in group.iter().enumerate() {
                        (row(difference, i == 0, group.len(), scale))
                    }
                }
            }
        }
    }
}

/// Runs of rows with the same metric and model, as the caller ordered them.
fn groups(differences: &[Difference]) -> impl Iterator<Item = &[Difference]> {
    differences.chunk_by(|a, b| a.metric == b.metric && a.model == b.model)
}

/// One scale for a group, with zero in its middle.
fn scale(group: &[Difference]) -> Option<Linear> {
    let ends = group.iter().flat_map(|difference| {
        [
            difference.interval.lo,
            difference.interval.hi,
            difference.difference,
        ]
    });
    Linear::covering(ends).map(|scale| scale.with_zero().symmetric())
}

fn row(difference: &Difference, first: bool, rows: usize, scale: Option<Linear>) -> Markup {
    let interval = (difference.interval.lo, difference.interval.hi);
    let (class, sign, word) = match difference.verdict() {
        Verdict::Better => ("good", "▲", "better"),
        Verdict::Worse => ("bad", "▼", "worse"),
        Verdict::NoClearDifference => ("quiet", "○", "no clear difference"),
    };
    html! {
        tr {
            @if first {
                (group_head(&difference.metric, rows))
                (group_head(&difference.model, rows))
            }
            td { (difference.baseline) }
            td.n { (format::signed(difference.difference)) }
            td.n { (format::signed(interval.0)) " to " (format::signed(interval.1)) }
            td.wide {
                @if let Some(scale) = scale { (around_zero(scale, difference.difference, interval, class)) }
            }
            td { (mark(class, sign, word)) }
        }
    }
}

/// A head over the rows of a group; it does not wrap, so a long name is cut and whole on hover.
fn group_head(name: &str, rows: usize) -> Markup {
    html! {
        th scope="rowgroup" rowspan=(rows) title=(name) { (format::clip(name, 28)) }
    }
}
