//! The screen of a pipe or a file: lines only, and few of them.

use std::collections::BTreeMap;

use super::progress::Change;

/// A running step is heard of at most this often.
const EVERY_MS: i64 = 5_000;

/// Turns changes into lines.
#[derive(Debug, Default)]
pub struct Plain {
    // When each running step was last heard of.
    heard: BTreeMap<String, i64>,
    labels: BTreeMap<String, String>,
}

impl Plain {
    /// The lines for a change at a time of the run's clock.
    pub fn lines(&mut self, change: &Change, at_ms: i64) -> Vec<String> {
        match change {
            Change::Begin { step, label } => {
                self.heard.insert(step.clone(), at_ms);
                self.labels.insert(step.clone(), label.clone());
                vec![format!("  {label}  started")]
            }
            Change::Update { step, text, .. } => {
                let heard = self.heard.entry(step.clone()).or_insert(i64::MIN);
                if text.is_empty() || at_ms.saturating_sub(*heard) < EVERY_MS {
                    return vec![];
                }
                *heard = at_ms;
                vec![format!(
                    "  {}  {text}",
                    self.labels.get(step).unwrap_or(step)
                )]
            }
            Change::End { step } => {
                self.heard.remove(step);
                vec![]
            }
            Change::Say(line) => vec![line.plain()],
        }
    }
}
