//! Events in words, one line each.

use pannier_proto::event::{CheckResult, Operator, RunEvent, RunEventKind, StepOutcome};
use pannier_proto::ids::short;

use super::format::{count, duration, plural, whole};
use super::outcome::{Produced, produced};
use super::table::clean;

/// The share of the time that was spent waiting for the feed, where that is worth a word.
pub fn waited(share: Option<f64>) -> String {
    match share {
        Some(share) if share >= 0.005 => format!(", {:.0} % waiting", share * 100.0),
        _ => String::new(),
    }
}

/// An event in one line, for `pannier logs`.
pub fn event(event: &RunEvent) -> String {
    match &event.kind {
        RunEventKind::Submitted { name, steps } => {
            format!("submitted: {name}, {}", plural(steps.len() as u64, "step"))
        }
        RunEventKind::StepStarted { step, attempt: 1 } => format!("{step}: started"),
        RunEventKind::StepStarted { step, attempt } => {
            format!("{step}: started, attempt {attempt}")
        }
        RunEventKind::StepProgress {
            step,
            done,
            total,
            rows,
            rate,
            stall_share,
        } => {
            let of = if *total > 0 {
                format!("{}/{}, ", count(*done), count(*total))
            } else {
                String::new()
            };
            format!(
                "{step}: {of}{}, {}/s{}",
                plural(*rows, "row"),
                whole(*rate),
                waited(*stall_share)
            )
        }
        RunEventKind::StepFinished {
            step,
            skipped,
            seconds,
            result,
        } => {
            format!("{step}: done, {}", facts(*skipped, *seconds, result))
        }
        RunEventKind::StepFailed {
            step,
            error,
            retryable,
        } => {
            format!(
                "{step}: failed{}, {error}",
                if *retryable {
                    " (may be tried again)"
                } else {
                    ""
                }
            )
        }
        RunEventKind::StepLost { step, reason } => format!("{step}: attempt lost, {reason}"),
        RunEventKind::Loss {
            step,
            epoch,
            global_step,
            loss,
            learning_rate,
            pairs,
            stall,
        } => format!(
            "{step}: epoch {epoch}, step {}, loss {loss:.4}, learning rate {learning_rate:.5}, {}{}",
            count(*global_step),
            plural(*pairs, "pair"),
            waited(Some(stall.stall_share()))
        ),
        RunEventKind::Checked { step, check } => checked(step, check),
        RunEventKind::Operators { step, operators } => busy(step, operators),
        RunEventKind::Log { step, text } if step.is_empty() => clean(text),
        RunEventKind::Log { step, text } => format!("{step}: {}", clean(text)),
        RunEventKind::Recovered => "the scheduler started again and took the run up".to_owned(),
        RunEventKind::CancelRequested => "asked to stop".to_owned(),
        RunEventKind::RetryRequested => "asked to go on".to_owned(),
        RunEventKind::Succeeded => "succeeded".to_owned(),
        RunEventKind::Failed { error } => format!("failed, {error}"),
        RunEventKind::Cancelled => "cancelled".to_owned(),
    }
}

/// The operators that a step's work in the engine was made of, the three dearest.
fn busy(step: &str, operators: &[Operator]) -> String {
    let dearest = operators.iter().take(3);
    let dearest: Vec<String> = dearest
        .map(|o| format!("{} {}", o.name, duration(o.seconds)))
        .collect();
    format!(
        "{step}: the processors were busy with {}",
        dearest.join(", ")
    )
}

fn checked(step: &str, check: &CheckResult) -> String {
    let word = if check.passed {
        "passed"
    } else {
        "does not hold"
    };
    format!(
        "{step}: check `{}` {word}, {}",
        clean(&check.name),
        clean(&check.found)
    )
}

fn facts(skipped: bool, seconds: f64, result: &StepOutcome) -> String {
    let Produced {
        amount, size, more, ..
    } = produced(result);
    let version = match result {
        StepOutcome::Table { version, .. } => format!("version {}", short(version)),
        _ => String::new(),
    };
    let took = if skipped {
        "already there".to_owned()
    } else {
        duration(seconds)
    };
    let facts: Vec<String> = [amount, size, more, version, took]
        .into_iter()
        .filter(|f| !f.is_empty())
        .collect();
    facts.join(", ")
}
