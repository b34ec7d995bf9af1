//! Source rows that were rejected or noted, by reason, with a few of them as they stood.

use maud::{Markup, html};

use super::{mark, scroll};
use crate::report::charts::bar::bar;
use crate::report::data::{RejectSample, Rejects, ReportData, RowAction};
use crate::report::format;

/// The part; `None` where the source was not read.
pub fn rejects(data: &ReportData) -> Option<Markup> {
    let rejects = data.rejects.as_ref()?;
    Some(html! {
        p { (verdict(rejects)) }
        @if !rejects.reasons.is_empty() { (scroll("Rows by reason", &reasons(rejects))) }
        @if !rejects.samples.is_empty() { (samples(&rejects.samples)) }
    })
}

fn verdict(rejects: &Rejects) -> String {
    let (read, rejected) = (rejects.rows_read, rejects.rejected());
    let rows = format::plural(read, "source row", "source rows");
    let mut text = if rejects.reasons.iter().all(|reason| reason.rows == 0) {
        format!("All of {rows} were read; none was rejected or noted.")
    } else if rejected == 0 {
        format!("Of {rows} none was rejected; the rows below were kept and only noted.")
    } else {
        let share = format::share(rejected as f64, read as f64);
        format!(
            "Of {rows} {} ({share}) were rejected: they are in no table but rejects.",
            format::count(rejected)
        )
    };
    if let Some(threshold) = rejects.threshold {
        text.push_str(&format!(
            " The run would have stopped at {}.",
            format::share(threshold, 1.0)
        ));
    }
    text
}

fn reasons(rejects: &Rejects) -> Markup {
    let mut reasons: Vec<_> = rejects.reasons.iter().collect();
    reasons.sort_by(|a, b| b.rows.cmp(&a.rows).then_with(|| a.reason.cmp(&b.reason)));
    let most = reasons.first().map_or(0, |reason| reason.rows) as f64;
    html! {
        table {
            thead {
                tr {
                    th scope="col" { "Reason" }
                    th scope="col" { "Row was" }
                    th.n scope="col" { "Rows" }
                    th.n scope="col" { "Share" }
                    th.wide { span.hidden { "Share as a bar" } }
                }
            }
            tbody {
                @for reason in reasons {
                    tr {
                        th scope="row" { (reason.reason) }
                        td {
                            @match reason.action {
                                RowAction::Rejected => (mark("warn", "✕", "rejected")),
                                RowAction::LeftOut => (mark("quiet", "–", "left out")),
                                RowAction::Noted => (mark("quiet", "○", "noted, kept")),
                            }
                        }
                        td.n { (format::count(reason.rows)) }
                        td.n { (format::share(reason.rows as f64, rejects.rows_read as f64)) }
                        td.wide { (bar(reason.rows as f64 / most, class_of(reason.action))) }
                    }
                }
            }
        }
    }
}

fn class_of(action: RowAction) -> &'static str {
    match action {
        RowAction::Rejected => "c-warn",
        RowAction::LeftOut | RowAction::Noted => "c-quiet",
    }
}

fn samples(samples: &[RejectSample]) -> Markup {
    let table = html! {
        table.sample {
            thead {
                tr {
                    th scope="col" { "Where" }
                    th scope="col" { "Reason" }
                    th scope="col" { "Row as read" }
                }
            }
            tbody {
                @for sample in samples {
                    tr {
                        td { (sample.file) ":" (sample.line) }
                        td { (sample.reason) }
                        td { code { (sample.text) } }
                    }
                }
            }
        }
    };
    html! {
        details {
            summary { (format::plural(samples.len() as u64, "sample row", "sample rows")) }
            (scroll("Sample of rejected and noted rows", &table))
        }
    }
}
