//! What steps produced, in words.

use std::collections::BTreeMap;

use pannier_proto::event::StepOutcome;
use pannier_proto::work::WorkOutcome;

use super::format::{bytes, count, duration, plural};
use super::table::{clean, pad, pad_left};
use super::{Line, Mark};

/// What a step produced, in the columns of a permanent line.
pub struct Produced {
    mark: Mark,
    /// How much of what.
    pub amount: String,
    /// Bytes.
    pub size: String,
    /// What else there is to say.
    pub more: String,
}

impl Produced {
    fn good(amount: impl Into<String>, size: impl Into<String>, more: impl Into<String>) -> Self {
        Self {
            mark: Mark::Done,
            amount: amount.into(),
            size: size.into(),
            more: more.into(),
        }
    }
}

/// The columns for an outcome.
pub fn produced(result: &StepOutcome) -> Produced {
    match result {
        StepOutcome::Generated {
            files,
            rows,
            bytes: size,
        } => Produced::good(plural(*rows, "row"), bytes(*size), plural(*files, "file")),
        StepOutcome::Table {
            rows, bytes: size, ..
        } => Produced::good(plural(*rows, "row"), bytes(*size), ""),
        StepOutcome::Checked {
            offending,
            limit,
            severity,
            passed,
            ..
        } => checked(*offending, *limit, severity, *passed),
        StepOutcome::Work(outcome) => worked(outcome),
        StepOutcome::Evaluated { metrics, .. } => {
            Produced::good(plural(metrics.len() as u64, "metric"), "", "")
        }
        StepOutcome::Published { .. } => {
            let (mark, more) = publication(result);
            Produced {
                mark,
                ..Produced::good("", "", more)
            }
        }
        StepOutcome::Report { path } => Produced::good("", "", path.as_str()),
    }
}

fn checked(offending: u64, limit: u64, severity: &str, passed: bool) -> Produced {
    let offenders = plural(offending, "offending row");
    match (passed, offending) {
        (true, 0) => Produced::good("passed", "", ""),
        (true, _) => Produced::good(
            "passed",
            "",
            format!("{offenders} of {} allowed", count(limit)),
        ),
        (false, _) => {
            let mark = if severity == "warn" {
                Mark::Warn
            } else {
                Mark::Fail
            };
            Produced {
                mark,
                ..Produced::good(
                    severity,
                    "",
                    format!("{offenders}, {} allowed", count(limit)),
                )
            }
        }
    }
}

fn worked(outcome: &WorkOutcome) -> Produced {
    match outcome {
        WorkOutcome::Trained {
            pairs,
            stall,
            resumed_from,
            ..
        } => {
            let waiting = format!(
                "{:.0} % of the time waiting for data",
                stall.stall_share() * 100.0
            );
            let resumed =
                resumed_from.map(|(epoch, step)| format!(", resumed at epoch {epoch} step {step}"));
            Produced::good(
                plural(*pairs, "pair"),
                "",
                waiting + &resumed.unwrap_or_default(),
            )
        }
        WorkOutcome::Predicted { queries, rows, .. } => {
            let noun = if *queries == 1 { "query" } else { "queries" };
            Produced::good(
                format!("{} {noun}", count(*queries)),
                "",
                plural(*rows, "place"),
            )
        }
    }
}

/// What became of a model, where the outcome is a publication.
pub fn publication(result: &StepOutcome) -> (Mark, String) {
    let StepOutcome::Published {
        model,
        version,
        alias,
        gate,
        passed,
        explanation,
    } = result
    else {
        return (Mark::Note, String::new());
    };
    let why = if explanation.is_empty() {
        String::new()
    } else {
        format!(" ({explanation})")
    };
    match (passed, alias) {
        (true, Some(alias)) => (
            Mark::Done,
            format!("{model} version {version} is now {alias}{why}"),
        ),
        (true, None) => (Mark::Done, format!("{model} version {version}{why}")),
        (false, _) => {
            let gate = gate.as_deref().unwrap_or("the gate");
            (
                Mark::Warn,
                format!("{model} version {version} did not pass `{gate}`{why}"),
            )
        }
    }
}

/// The permanent lines of a finished step; `width` is that of the column of names.
pub fn finished(
    step: &str,
    skipped: bool,
    seconds: f64,
    result: &StepOutcome,
    width: usize,
) -> Vec<Line> {
    let Produced {
        mark,
        amount,
        size,
        more,
    } = produced(result);
    let took = if skipped {
        "(already there)".to_owned()
    } else {
        duration(seconds)
    };
    let free = amount.is_empty() && size.is_empty();
    let columns = if free {
        format!("{more}  {}", if skipped { &took } else { "" })
    } else {
        format!(
            "{}  {}  {}  {more}",
            pad_left(&amount, 16),
            pad_left(&size, 8),
            pad_left(&took, 9)
        )
    };
    let mut lines = vec![Line::new(
        mark,
        format!("{}  {}", pad(step, width), columns.trim_end()),
    )];
    if let StepOutcome::Checked {
        offending: 1..,
        sample,
        ..
    } = result
    {
        lines.extend(
            sample
                .iter()
                .take(3)
                .map(|row| Line::new(Mark::Note, format!("    {}", sample_row(row)))),
        );
    }
    lines
}

fn sample_row(row: &BTreeMap<String, String>) -> String {
    let cells: Vec<String> = row
        .iter()
        .map(|(column, value)| format!("{column}={}", clean(value)))
        .collect();
    cells.join(" ")
}
