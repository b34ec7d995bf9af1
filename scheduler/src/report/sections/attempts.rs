//! The attempts of one training: who held it, where each began, and how it ended.

use maud::{Markup, html};

use super::{mark, scroll};
use crate::report::data::{Attempt, AttemptOutcome};
use crate::report::format;

/// A sentence where all went well, a table where it did not.
pub fn attempts(attempts: &[Attempt]) -> Markup {
    match attempts {
        [] => html! { p.empty { "No attempts were recorded for this model." } },
        [only] if only.resumed_from.is_none() && only.outcome == AttemptOutcome::Finished => {
            html! {
                p.quiet {
                "One attempt, on trainer " code { (only.trainer) } ", from the beginning to the end."
            }
            }
        }
        many => html! { (scroll("Attempts", &attempt_table(many))) },
    }
}

fn attempt_table(attempts: &[Attempt]) -> Markup {
    html! {
        table {
            caption { "Attempts" }
            thead {
                tr {
                    th.n scope="col" { "No." }
                    th scope="col" { "Trainer" }
                    th scope="col" { "Started from" }
                    th scope="col" { "Ended" }
                    th.n scope="col" { "Time" }
                    th scope="col" { "Because" }
                }
            }
            tbody {
                @for attempt in attempts {
                    tr {
                        th.n scope="row" { (attempt.number) }
                        td { code { (attempt.trainer) } }
                        td.prose { (started_from(attempt)) }
                        td { (ended(attempt.outcome)) }
                        td.n { (format::duration(attempt.seconds)) }
                        td.prose { (if attempt.reason.is_empty() { "–" } else { &attempt.reason }) }
                    }
                }
            }
        }
    }
}

fn started_from(attempt: &Attempt) -> String {
    attempt.resumed_from.map_or_else(
        || "the beginning".to_owned(),
        |point| {
            format!(
                "checkpoint at epoch {}, step {}",
                point.epoch,
                format::count(point.step)
            )
        },
    )
}

fn ended(outcome: AttemptOutcome) -> Markup {
    match outcome {
        AttemptOutcome::Finished => mark("good", "✓", "finished"),
        AttemptOutcome::Lost => mark("warn", "▲", "lost"),
        AttemptOutcome::Failed => mark("bad", "✕", "failed"),
        AttemptOutcome::Cancelled => mark("warn", "■", "cancelled"),
    }
}
