//! From events to changes of the screen. Both screens draw the same changes.
//!
//! Clocks are those of the events: the same log gives the same changes, whenever it is read.

use std::collections::BTreeMap;

use console::measure_text_width;
use pannier_proto::event::{RunEvent, RunEventKind};

use super::describe::waited;
use super::format::{about, count, plural, whole};
use super::outcome::{check, finished};
use super::table::{clean, pad};
use super::{Line, Mark};

/// Longer names do not widen the column.
const WIDEST_NAME: usize = 40;

/// One thing to do to the screen.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// A step began.
    Begin {
        /// Its name.
        step: String,
        /// Its name, filled up to the column's width.
        label: String,
    },
    /// A step went on.
    Update {
        /// Its name.
        step: String,
        /// Units done.
        done: u64,
        /// Units in all; 0 where unknown.
        total: u64,
        /// Counts, rows, rate, what is left.
        text: String,
    },
    /// A step is over for now; its line goes away.
    End {
        /// Its name.
        step: String,
    },
    /// A line that stays.
    Say(Line),
}

/// A step that is going on.
#[derive(Debug, Default)]
struct Going {
    // Where this attempt's progress began: (units done, clock).
    base: Option<(u64, i64)>,
    done: u64,
    total: u64,
    rows: u64,
    rate: f64,
    at_ms: i64,
    loss: Option<f64>,
    stall_share: Option<f64>,
}

/// What is known of a run while it is watched.
#[derive(Debug, Default)]
pub struct Progress {
    width: usize,
    going: BTreeMap<String, Going>,
}

impl Progress {
    /// Takes an event in.
    pub fn apply(&mut self, event: &RunEvent) -> Vec<Change> {
        match &event.kind {
            RunEventKind::Submitted { name, steps } => {
                self.width = steps
                    .iter()
                    .map(|s| measure_text_width(s))
                    .max()
                    .unwrap_or(0)
                    .min(WIDEST_NAME);
                let steps = plural(steps.len() as u64, "step");
                note(format!("run {}: {name}, {steps}", event.run_id))
            }
            RunEventKind::StepStarted { step, .. } => {
                self.going.insert(
                    step.clone(),
                    Going {
                        at_ms: event.at_ms,
                        ..Going::default()
                    },
                );
                vec![Change::Begin {
                    step: step.clone(),
                    label: pad(step, self.width),
                }]
            }
            RunEventKind::StepProgress {
                step,
                done,
                total,
                rows,
                rate,
                stall_share,
            } => {
                let going = self.going.entry(step.clone()).or_default();
                going.base.get_or_insert((*done, event.at_ms));
                (going.done, going.total, going.rows, going.rate) = (*done, *total, *rows, *rate);
                (going.stall_share, going.at_ms) = (*stall_share, event.at_ms);
                vec![going.update(step)]
            }
            RunEventKind::Loss { step, loss, .. } => {
                let going = self.going.entry(step.clone()).or_default();
                going.loss = Some(*loss);
                vec![going.update(step)]
            }
            RunEventKind::StepFinished {
                step,
                skipped,
                seconds,
                result,
            } => {
                let lines = finished(step, *skipped, *seconds, result, self.width);
                self.end(step, lines)
            }
            RunEventKind::StepFailed { step, error, .. } => {
                let text = format!("{}  failed: {error}", pad(step, self.width));
                self.end(step, vec![Line::new(Mark::Fail, text)])
            }
            RunEventKind::StepLost { step, reason } => {
                let text = format!("{}  attempt lost: {reason}", pad(step, self.width));
                self.end(step, vec![Line::new(Mark::Warn, text)])
            }
            RunEventKind::Checked { check: result, .. } => {
                check(result).into_iter().map(Change::Say).collect()
            }
            RunEventKind::Operators { .. } => Vec::new(),
            RunEventKind::Log { step, text } if step.is_empty() => note(clean(text)),
            RunEventKind::Log { step, text } => {
                note(format!("{}  {}", pad(step, self.width), clean(text)))
            }
            RunEventKind::Recovered => {
                note("the scheduler started again and took the run up".into())
            }
            RunEventKind::CancelRequested => note("asked to stop".into()),
            RunEventKind::RetryRequested => note("asked to go on".into()),
            // How a run ended is said by its summary.
            RunEventKind::Succeeded | RunEventKind::Failed { .. } | RunEventKind::Cancelled => {
                self.end_all()
            }
        }
    }

    fn end(&mut self, step: &str, lines: Vec<Line>) -> Vec<Change> {
        let ended = self.going.remove(step).map(|_| Change::End {
            step: step.to_owned(),
        });
        ended
            .into_iter()
            .chain(lines.into_iter().map(Change::Say))
            .collect()
    }

    fn end_all(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.going)
            .into_keys()
            .map(|step| Change::End { step })
            .collect()
    }
}

fn note(text: String) -> Vec<Change> {
    vec![Change::Say(Line::new(Mark::Note, text))]
}

impl Going {
    fn update(&self, step: &str) -> Change {
        let mut parts = Vec::new();
        if self.total > 0 {
            parts.push(format!("{}/{}", count(self.done), count(self.total)));
        }
        if self.rows > 0 {
            parts.push(plural(self.rows, "row"));
        }
        if self.rate > 0.0 {
            parts.push(format!("{} rows/s", whole(self.rate)));
        }
        if let Some(seconds) = self.left() {
            parts.push(format!("{} left", about(seconds)));
        }
        if let Some(loss) = self.loss {
            parts.push(format!("loss {loss:.4}"));
        }
        let waits = waited(self.stall_share);
        if !waits.is_empty() {
            parts.push(waits.trim_start_matches(", ").to_owned());
        }
        Change::Update {
            step: step.to_owned(),
            done: self.done,
            total: self.total,
            text: parts.join("  "),
        }
    }

    /// Seconds left, at the pace since this attempt's first progress.
    fn left(&self) -> Option<f64> {
        let (done, at_ms) = self.base?;
        let units = self.done.checked_sub(done).filter(|n| *n > 0)? as f64;
        let seconds = (self.at_ms - at_ms) as f64 / 1e3;
        let rest = self.total.checked_sub(self.done)? as f64;
        (seconds > 0.0).then(|| rest * seconds / units)
    }
}
