//! Data checks: what was asked, what came out, and a few offending rows.

use maud::{Markup, html};

use super::{mark, scroll};
use crate::report::data::{Check, CheckOutcome, ReportData, SampleRows, Severity};
use crate::report::format;

/// The part; `None` where no check ran.
pub fn checks(data: &ReportData) -> Option<Markup> {
    if data.checks.is_empty() {
        return None;
    }
    let passed = data
        .checks
        .iter()
        .filter(|check| check.outcome == CheckOutcome::Passed)
        .count();
    let table = html! {
        table {
            thead {
                tr {
                    th scope="col" { "Check" }
                    th scope="col" { "Outcome" }
                    th scope="col" { "Found" }
                    th scope="col" { "Else" }
                }
            }
            tbody { @for check in &data.checks { (row(check)) } }
        }
    };
    Some(html! {
        p {
            (passed) " of " (format::plural(data.checks.len() as u64, "check", "checks")) " passed. "
            "Checks run before any trainer is booked."
        }
        (scroll("Data checks", &table))
        @for check in &data.checks {
            @if let Some(rows) = check.sample.as_ref().filter(|sample| !sample.rows.is_empty()) {
                (sample(check, rows))
            }
        }
    })
}

fn row(check: &Check) -> Markup {
    html! {
        tr {
            th scope="row" { (check.name) @if !check.rule.is_empty() { small { (check.rule) } } }
            td {
                @match check.outcome {
                    CheckOutcome::Passed => (mark("good", "✓", "passed")),
                    CheckOutcome::Warned => (mark("warn", "▲", "warned")),
                    CheckOutcome::Failed => (mark("bad", "✕", "failed")),
                }
            }
            td.prose { (check.found) }
            td { @match check.severity { Severity::Warn => "warn", Severity::Fail => "stop the run" } }
        }
    }
}

fn sample(check: &Check, sample: &SampleRows) -> Markup {
    let table = html! {
        table.sample {
            thead { tr { @for column in &sample.columns { th scope="col" { (column) } } } }
            tbody {
                @for row in &sample.rows { tr { @for cell in row { td { (cell) } } } }
            }
        }
    };
    html! {
        details open[check.outcome == CheckOutcome::Failed] {
            summary {
                (format::plural(sample.rows.len() as u64, "row", "rows")) " of “" (check.name) "”"
            }
            (scroll(&format!("Offending rows of {}", check.name), &table))
        }
    }
}
