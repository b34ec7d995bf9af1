//! How each model was trained: loss, speed, attempts, and what the trainer waited for.
//! It must not know how any of it is shown.

use serde::{Deserialize, Deserializer, Serialize};

/// One training.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Training {
    /// The name of the `[[train]]`.
    pub name: String,
    /// The kind of model, such as `prod2vec`.
    pub model: String,
    /// Where it ran, such as `flex` or `tch-cuda`.
    pub backend: Option<String>,
    /// Params as used, defaults included.
    pub params: Vec<Param>,
    /// What was tried to find the best params, in the order in which it was tried.
    pub trials: Vec<Trial>,
    /// What one training example of this model is called, in the plural: `pairs`, `sequences`, …
    pub example_word: String,
    /// The loss over the training, in step order.
    pub curve: Vec<LossPoint>,
    /// Training seconds over all attempts.
    pub seconds: f64,
    /// Examples per second of training.
    pub examples_per_second: Option<f64>,
    /// The digest that names the feed.
    pub feed_digest: Option<String>,
    /// Attempts, oldest first.
    pub attempts: Vec<Attempt>,
    /// Where the trainer's seconds went.
    pub stall: Option<StallLedger>,
    /// The same by epoch, counted from 1.
    pub epochs: Vec<(u64, StallLedger)>,
    /// What would shorten the waits, where they are worth a word.
    pub advice: Option<String>,
}

/// One hyperparameter.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Param {
    /// Its name.
    pub name: String,
    /// Its value as text.
    pub value: String,
}

/// A training of a study.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Trial {
    /// What it differs in from the others.
    pub params: String,
    /// What it was judged by.
    pub metric: String,
    /// Mean over folds.
    pub mean: f64,
    /// 95 % interval of the mean over folds.
    pub interval: (f64, f64),
    /// Whether the model has its params.
    pub best: bool,
}

/// The training at one step.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct LossPoint {
    /// Global step, over all epochs.
    pub step: u64,
    /// Epoch this step belongs to; shown as it is here.
    pub epoch: u32,
    /// Mean loss since the point before. May be NaN or infinite: the page says so.
    #[serde(deserialize_with = "null_as_nan")]
    pub loss: f64,
    /// Learning rate at this step.
    pub learning_rate: f64,
    /// Examples seen so far.
    pub examples_seen: u64,
    /// Share of the time since the point before that was spent waiting for the feed.
    #[serde(default)]
    pub stall_share: f64,
}

/// JSON has no NaN: serde_json writes it as null, and a diverged training must still be readable.
fn null_as_nan<'de, D: Deserializer<'de>>(input: D) -> Result<f64, D::Error> {
    Ok(Option::<f64>::deserialize(input)?.unwrap_or(f64::NAN))
}

/// One try of a training.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    /// Counted from 1.
    pub number: u32,
    /// The trainer that held the lease.
    pub trainer: String,
    /// The checkpoint it started from. `None`: from the beginning.
    pub resumed_from: Option<ResumePoint>,
    /// How it ended.
    pub outcome: AttemptOutcome,
    /// Why it ended so, in words; empty where there is nothing to say.
    pub reason: String,
    /// How long it took, seconds.
    pub seconds: f64,
}

/// The checkpoint an attempt started from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ResumePoint {
    /// Epoch of the checkpoint.
    pub epoch: u32,
    /// Global step of the checkpoint.
    pub step: u64,
}

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttemptOutcome {
    /// It trained to the end.
    Finished,
    /// Its stream to the scheduler broke, so another attempt took over.
    Lost,
    /// It reported an error.
    Failed,
    /// The run was cancelled.
    Cancelled,
}

/// Seconds a trainer spent, by cause. All but `compute` are waits.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct StallLedger {
    /// Waiting for rows to be read from storage.
    pub scan: f64,
    /// Waiting for pairs or sequences to be made of them.
    pub transform: f64,
    /// Waiting until an executor had a stream free.
    pub queue: f64,
    /// Waiting for the network.
    pub network: f64,
    /// Turning record batches into tensors.
    pub decode: f64,
    /// Training.
    pub compute: f64,
}

impl From<&pannier_proto::work::StallLedger> for StallLedger {
    fn from(of: &pannier_proto::work::StallLedger) -> Self {
        Self {
            scan: of.scan,
            transform: of.transform,
            queue: of.queue,
            network: of.network,
            decode: of.decode,
            compute: of.compute,
        }
    }
}

impl StallLedger {
    /// Causes with their seconds, the waits first; what is not a positive number counts as 0.
    #[must_use]
    pub fn causes(&self) -> [(&'static str, f64); 6] {
        [
            ("scan", self.scan),
            ("transform", self.transform),
            ("queue", self.queue),
            ("network", self.network),
            ("decode", self.decode),
            ("compute", self.compute),
        ]
        .map(|(cause, seconds)| {
            (
                cause,
                if seconds.is_finite() {
                    seconds.max(0.0)
                } else {
                    0.0
                },
            )
        })
    }

    /// All seconds.
    #[must_use]
    pub fn total(&self) -> f64 {
        self.causes().iter().map(|(_, seconds)| seconds).sum()
    }

    /// Seconds waited: all but `compute`.
    #[must_use]
    pub fn waited(&self) -> f64 {
        self.causes()
            .iter()
            .filter(|(cause, _)| *cause != "compute")
            .map(|(_, seconds)| seconds)
            .sum()
    }
}

/// What a baseline's params were chosen from.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Tuned {
    /// The baseline.
    pub method: String,
    /// All that was tried.
    pub trials: Vec<Trial>,
}
