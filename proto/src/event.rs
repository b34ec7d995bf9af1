//! Facts of a run, in the order in which they were recorded. Appended before they are acted on.

use serde::{Deserialize, Serialize};

use crate::spec::{ContextSpec, Severity};
use crate::work::{StallLedger, WorkOutcome};

/// A recorded fact.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunEvent {
    /// The run.
    pub run_id: String,
    /// Place in the run's log, from 0 without gaps.
    pub offset: u64,
    /// Milliseconds since 1970, UTC.
    pub at_ms: i64,
    /// The fact.
    #[serde(flatten)]
    pub kind: RunEventKind,
}

/// What a step produced.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum StepOutcome {
    /// Raw files were written.
    Generated {
        /// Files.
        files: u64,
        /// Lines.
        rows: u64,
        /// Bytes.
        bytes: u64,
    },
    /// A table version is there.
    Table {
        /// Version.
        version: String,
        /// Rows.
        rows: u64,
        /// Bytes.
        bytes: u64,
        /// Parts with rows.
        parts: u32,
        /// Digest of its content.
        digest: String,
    },
    /// Checks were evaluated, each told in an event of its own.
    Checked {
        /// Checks that hold.
        passed: u64,
        /// Checks that do not, and only warn.
        warned: u64,
    },
    /// What the source holds was described.
    Profiled {
        /// Tables.
        tables: u64,
        /// Columns of all of them.
        columns: u64,
    },
    /// A feed is written down.
    Feed {
        /// Its digest, which names it.
        digest: String,
        /// Its transform.
        transform: String,
        /// Rows of its table.
        rows: u64,
        /// Global steps of an epoch.
        steps: u64,
    },
    /// A trainer's work is done.
    Work(WorkOutcome),
    /// Metrics were computed.
    Evaluated {
        /// One row per method, metric and K.
        metrics: Vec<MetricRow>,
        /// Differences between the models and the baselines on the same queries.
        paired: Vec<PairedRow>,
        /// How right the probabilities are that a model gives.
        #[serde(default)]
        calibration: Vec<CalibrationRow>,
        /// How well decisions were told apart, at every threshold.
        #[serde(default)]
        curves: Vec<CurveRow>,
        /// Which decisions were held out, where any were.
        #[serde(default)]
        decided: Option<DecidedRow>,
    },
    /// A model was published, or not.
    Published {
        /// Model.
        model: String,
        /// Version.
        version: u32,
        /// Alias moved to it.
        alias: Option<String>,
        /// The gate, where there is one.
        gate: Option<String>,
        /// Whether the gate let it pass.
        passed: bool,
        /// What the gate compared.
        explanation: String,
    },
    /// Everybody's lists are there, as a table.
    Listed {
        /// Model.
        model: String,
        /// Version.
        model_version: u32,
        /// The table.
        table: String,
        /// Its version.
        version: String,
        /// Users, each with a list.
        users: u64,
        /// Places of all lists.
        rows: u64,
        /// Path of the Parquet file below the warehouse.
        path: String,
    },
    /// Lists were not written.
    Withheld {
        /// Why.
        reason: String,
    },
    /// A file was written for people.
    Report {
        /// Path below the warehouse.
        path: String,
    },
}

/// What came of a check.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CheckResult {
    /// Its name.
    pub name: String,
    /// Its rule, in words.
    pub rule: String,
    /// What it means where the rule does not hold.
    pub severity: Severity,
    /// Whether the rule holds.
    pub passed: bool,
    /// What was found and what is allowed, in words.
    pub found: String,
    /// Rows that offend; 0 for a rule about a whole table.
    pub offending: u64,
    /// Columns of `sample`.
    pub columns: Vec<String>,
    /// Where the rule does not hold, up to 20 rows that offend, as text.
    pub sample: Vec<Vec<String>>,
}

/// What an operator of the engine cost a step, over all its tasks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Operator {
    /// Its name, for example `Aggregate`.
    pub name: String,
    /// Seconds that its tasks were busy with it, waiting left out.
    pub seconds: f64,
    /// Rows that came out of it.
    pub rows: u64,
    /// Bytes of them in memory; of what was written to storage, bytes of the files.
    pub bytes: u64,
    /// Bytes that it put on disk for want of memory.
    pub spilled: u64,
}

/// A metric of a method over the held-out queries.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MetricRow {
    /// Train name or baseline model.
    pub method: String,
    /// For example `hit_rate@10`.
    pub metric: String,
    /// Mean over queries.
    pub value: f64,
    /// Lower end of the 95 % interval.
    pub lo: f64,
    /// Upper end of the 95 % interval.
    pub hi: f64,
    /// Queries.
    pub n: u64,
}

/// Mean difference of a model against a baseline over the same queries.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PairedRow {
    /// Train name.
    pub method: String,
    /// Baseline model.
    pub against: String,
    /// For example `hit_rate@10`.
    pub metric: String,
    /// Mean of the differences.
    pub difference: f64,
    /// Lower end of the 95 % interval.
    pub lo: f64,
    /// Upper end of the 95 % interval.
    pub hi: f64,
}

/// A point of a method's curves over decisions: everything from some probability on is foretold to be
/// bought.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CurveRow {
    /// Train name or baseline.
    pub method: String,
    /// Share of what was bought that is foretold: recall, the ROC curve's way up.
    pub found: f64,
    /// Share of what was not bought that is foretold: the ROC curve's way to the right.
    pub wrong: f64,
    /// Share of what is foretold that was bought.
    pub precision: f64,
}

/// The decisions that were held out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DecidedRow {
    /// What their context takes in: `decision`, what was known before it, or `leaky`.
    pub context: ContextSpec,
    /// Decisions.
    pub n: u64,
    /// Of them bought.
    pub bought: u64,
    /// Users whose decisions they are.
    pub users: u64,
    /// Decisions of users whom the training does not know.
    pub new_users: u64,
    /// Decisions of items that it does not know.
    pub new_items: u64,
    /// Share of the train decisions that were bought: above it, a probability foretells.
    pub threshold: f64,
}

/// Places of a model's lists, or decisions, to which it gave about the same probability.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CalibrationRow {
    /// Train name.
    pub method: String,
    /// The least probability of the row.
    pub from: f64,
    /// Places.
    pub n: u64,
    /// Mean of the probabilities.
    pub predicted: f64,
    /// Share of the places that were bought.
    pub observed: f64,
}

/// The facts that can be recorded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum RunEventKind {
    /// The run was accepted with these steps.
    Submitted {
        /// The spec's name.
        name: String,
        /// Names of the steps, in the order shown to people.
        steps: Vec<String>,
    },
    /// A step began.
    StepStarted {
        /// The step.
        step: String,
        /// Which try, from 1.
        attempt: u32,
    },
    /// How far a step is.
    StepProgress {
        /// The step.
        step: String,
        /// Units done.
        done: u64,
        /// Units in all; 0 where unknown.
        total: u64,
        /// Rows so far.
        rows: u64,
        /// Rows per second.
        rate: f64,
        /// Share of the time spent waiting for a feed, where the step reads one.
        #[serde(default)]
        stall_share: Option<f64>,
    },
    /// What a step's work in the engine was made of, the dearest first.
    Operators {
        /// The step.
        step: String,
        /// The operators.
        operators: Vec<Operator>,
    },
    /// A step is done.
    StepFinished {
        /// The step.
        step: String,
        /// It was there already.
        skipped: bool,
        /// Seconds it took.
        seconds: f64,
        /// What it produced.
        result: StepOutcome,
    },
    /// A step failed.
    StepFailed {
        /// The step.
        step: String,
        /// Why, in a sentence.
        error: String,
        /// Whether trying again may help.
        retryable: bool,
    },
    /// A step's attempt was lost (its process went away); it says nothing against the step.
    StepLost {
        /// The step.
        step: String,
        /// What was seen.
        reason: String,
    },
    /// A point of a loss curve.
    Loss {
        /// The step.
        step: String,
        /// Epoch, from 0.
        epoch: u64,
        /// Global step over all epochs.
        global_step: u64,
        /// Mean loss per pair.
        loss: f64,
        /// Learning rate.
        learning_rate: f64,
        /// Pairs so far.
        pairs: u64,
        /// Where the trainer's time went since the last point.
        #[serde(default)]
        stall: StallLedger,
    },
    /// A check was evaluated.
    Checked {
        /// The step.
        step: String,
        /// What came of it.
        check: CheckResult,
    },
    /// A line for people.
    Log {
        /// The step, or empty.
        step: String,
        /// The text.
        text: String,
    },
    /// The scheduler started again and took the run up.
    Recovered,
    /// Someone asked to stop the run.
    CancelRequested,
    /// Someone asked to go on with a failed or cancelled run.
    RetryRequested,
    /// The run ended well.
    Succeeded,
    /// The run ended badly.
    Failed {
        /// Why, in a sentence.
        error: String,
    },
    /// The run was stopped.
    Cancelled,
}

impl RunEventKind {
    /// Whether the run is over with this event.
    #[must_use]
    pub fn is_end(&self) -> bool {
        matches!(
            self,
            Self::Succeeded | Self::Failed { .. } | Self::Cancelled
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_read_back_from_json() -> Result<(), serde_json::Error> {
        let event = RunEvent {
            run_id: "r".into(),
            offset: 3,
            at_ms: 5,
            kind: RunEventKind::StepFinished {
                step: "table:baskets".into(),
                skipped: false,
                seconds: 1.5,
                result: StepOutcome::Work(WorkOutcome::Predicted {
                    queries: 1,
                    rows: 2,
                    path: "p".into(),
                    seconds: 0.1,
                    trials: Vec::new(),
                    written: None,
                }),
            },
        };
        let json = serde_json::to_string(&event)?;
        assert_eq!(serde_json::from_str::<RunEvent>(&json)?, event);
        Ok(())
    }
}
