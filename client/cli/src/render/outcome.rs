//! What steps produced, in words.

use pannier_proto::event::{CheckResult, StepOutcome};
use pannier_proto::ids::short;
use pannier_proto::spec::Severity;
use pannier_proto::work::WorkOutcome;

use super::format::{bytes, count, duration, plural};
use super::table::{Align, Table, clean, pad, pad_left};
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
        StepOutcome::Checked { passed, warned } => checked(*passed, *warned),
        StepOutcome::Profiled { columns, .. } => Produced::good(plural(*columns, "column"), "", ""),
        StepOutcome::Feed {
            digest,
            rows,
            steps,
            ..
        } => {
            let more = format!("{}, feed {}", plural(*steps, "step"), short(digest));
            Produced::good(plural(*rows, "row"), "", more)
        }
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
        StepOutcome::Listed {
            users, rows, table, ..
        } => {
            let more = format!("{}, table {table}", plural(*rows, "place"));
            Produced::good(plural(*users, "user"), "", more)
        }
        StepOutcome::Withheld { reason } => Produced {
            mark: Mark::Warn,
            ..Produced::good("", "", format!("no lists are written: {reason}"))
        },
        StepOutcome::Report { path } => Produced::good("", "", path.as_str()),
    }
}

fn checked(passed: u64, warned: u64) -> Produced {
    let good = Produced::good(format!("{} passed", plural(passed, "check")), "", "");
    if warned == 0 {
        return good;
    }
    Produced {
        mark: Mark::Warn,
        more: format!("{} warned", count(warned)),
        ..good
    }
}

/// Rows that are shown of a check that only warns.
const WARNED_ROWS: usize = 3;
/// Columns of the screen for a value of such a row.
const WIDEST: usize = 28;

/// The lines about a check that does not hold; none for one that does.
pub fn check(check: &CheckResult) -> Vec<Line> {
    if check.passed {
        return Vec::new();
    }
    let (mark, word, most) = match check.severity {
        Severity::Fail => (Mark::Fail, "failed", usize::MAX),
        Severity::Warn => (Mark::Warn, "warns", WARNED_ROWS),
    };
    let (name, rule, found) = (clean(&check.name), clean(&check.rule), clean(&check.found));
    let text = format!("check `{name}` {word}: {found} ({rule})");
    let mut lines = vec![Line::new(mark, text)];
    let columns = check.columns.iter().map(|c| (c.clone(), Align::Left));
    let mut table = Table::with_columns(columns).widest(WIDEST);
    for row in check.sample.iter().take(most) {
        table.row(row.iter().cloned());
    }
    if !check.sample.is_empty() {
        let rows = table.lines().into_iter();
        lines.extend(rows.map(|row| Line::new(Mark::Note, format!("    {row}"))));
    }
    lines
}

fn worked(outcome: &WorkOutcome) -> Produced {
    match outcome {
        WorkOutcome::Trained {
            pairs,
            example,
            stall,
            resumed_from,
            ..
        } => {
            let waiting = format!(
                "{:.0} % of the time waiting for data",
                stall.stall_share() * 100.0
            );
            let advice = stall.advice().map(|text| format!("; {text}"));
            let waiting = waiting + &advice.unwrap_or_default();
            let resumed =
                resumed_from.map(|(epoch, step)| format!(", resumed at epoch {epoch} step {step}"));
            Produced::good(
                plural(*pairs, example),
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
        WorkOutcome::Segmented {
            users,
            segments,
            reliable,
            ..
        } => {
            let found = plural(u64::from(*segments), "segment");
            let shaky = "; other users would be grouped otherwise";
            Produced {
                mark: match reliable {
                    Some(false) => Mark::Warn,
                    _ => Mark::Done,
                },
                ..Produced::good(
                    plural(*users, "user"),
                    "",
                    format!(
                        "{found}{}",
                        if *reliable == Some(false) { shaky } else { "" }
                    ),
                )
            }
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
    vec![Line::new(
        mark,
        format!("{}  {}", pad(step, width), columns.trim_end()),
    )]
}
