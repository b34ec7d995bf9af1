//! Work for trainers, and what they report: the JSON inside the `Attach` stream.

mod stall;
mod trial;

use serde::{Deserialize, Serialize};

use crate::feed::FeedSpec;
use crate::manifest::{ArtifactFile, ManifestColumn, ManifestFile};
use crate::spec::{BaselineSpec, ModelSpec, SegmentsSpec};
use crate::wire::FeedEndpoint;
pub use stall::{EpochStall, StallLedger};
pub use trial::TrialRow;

/// Where an executor serves its feed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedAddress {
    /// Random id of the executor.
    pub executor_id: String,
    /// For example `http://10.0.0.7:50053`.
    pub url: String,
}

impl From<FeedEndpoint> for FeedAddress {
    fn from(FeedEndpoint { executor_id, url }: FeedEndpoint) -> Self {
        Self { executor_id, url }
    }
}

impl From<FeedAddress> for FeedEndpoint {
    fn from(FeedAddress { executor_id, url }: FeedAddress) -> Self {
        Self { executor_id, url }
    }
}

/// One attempt at one piece of work.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Work {
    /// Unique; every report names it.
    pub attempt_id: String,
    /// The run it belongs to.
    pub run_id: String,
    /// The step of the run, for example `train:vectors`.
    pub step: String,
    /// Which try, from 1.
    pub attempt: u32,
    /// Root of the warehouse.
    pub warehouse: String,
    /// Executors known when the work was handed out.
    pub feeds: Vec<FeedAddress>,
    /// What to do.
    pub kind: WorkKind,
}

/// What a trainer can be asked to do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum WorkKind {
    /// Fit a model and write its artifact.
    Train(Box<TrainWork>),
    /// Rank the catalogue for every query and write the first places.
    Predict(PredictWork),
    /// Group a model's users and say what the groups are like.
    Segment(SegmentWork),
}

/// A model to be fit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrainWork {
    /// Which, with its hyperparameters.
    pub spec: ModelSpec,
    /// Seed of initial weights and of what is drawn.
    pub seed: u64,
    /// What it is trained on: prod2vec's pairs; of ALS, columns user_id, item_idx, count; of the
    /// attention LSTM, sequences with a target; of wide-and-deep, columns user_idx, item_idx,
    /// category_idx: UInt32, label: Float32, then those of its params' context, in their order: Float32.
    pub feed: FeedSpec,
    /// What a neural model is measured on after every epoch, as its feed but unshuffled; none: all
    /// epochs are trained, and the last one counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid: Option<FeedSpec>,
    /// Of the attention LSTM with neighbours: all users' baskets, columns user_id, baskets, train, valid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sequences: Option<FeedSpec>,
    /// Path of the vocab's table manifest; of wide-and-deep, of the table decision_items, which has the
    /// columns of a vocab and category, category_idx: UInt32, price: Float32.
    pub vocab: String,
    /// Of wide-and-deep: path of the manifest of the table decision_users.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub users: Option<String>,
    /// Folder for checkpoints, shared by all attempts.
    pub checkpoints: String,
    /// Folder of the artifact.
    pub artifact: String,
    /// Where the digests of all batches go.
    pub ledger: String,
    /// The trainer makes the feed's transform; otherwise executors make it.
    pub gathered: bool,
}

/// Queries to be ranked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PredictWork {
    /// Who ranks.
    pub predictor: Predictor,
    /// The queries: a column that names them, `items: List<UInt32>`, and of users
    /// `counts: List<number>`, how often each item was bought; `user_id` and
    /// `baskets: List<List<UInt32>>`, the known baskets, the oldest first, where the predictor needs them.
    ///
    /// Of decisions: decision_id: UInt64, user_id, then the columns of the training's feed. Of lists by a
    /// model of decisions: user_id, user_idx, and the columns of the user's own context, Float32.
    pub queries: FeedSpec,
    /// Path of the vocab's table manifest, or of decision_items'.
    pub vocab: String,
    /// Places written per query.
    pub top: u32,
    /// Leaves out a query's own items.
    pub new_only: bool,
    /// Folder of the predictions.
    pub output: String,
    /// What is written there.
    pub form: PredictionForm,
}

/// Users to be grouped.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SegmentWork {
    /// The model's name in the registry.
    pub model: String,
    /// Folder of the artifact with the users' vectors.
    pub artifact: String,
    /// How.
    pub spec: SegmentsSpec,
    /// Of first centres and what else is drawn.
    pub seed: u64,
    /// A row for each user: user_id; spend, units, baskets: Float64.
    pub kpis: FeedSpec,
    /// Rows of a user together: user_id, attribute, value.
    pub attributes: FeedSpec,
    /// Folder of what is written.
    pub output: String,
}

/// What predictions are written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "form", rename_all = "kebab-case")]
pub enum PredictionForm {
    /// For evaluation: a query's name, `item_idx`, `rank` (from 1), `score`.
    Ranks,
    /// For evaluation of decisions, each as it was asked: `decision_id`, `user_id`, `label`, and as `score` the
    /// probability that it is bought, both Float32.
    Decisions,
    /// For people and other programs: a query's name, `rank`, `item_id`, `score`, whether the item was
    /// `bought` before, and whether the model `known` anything of the query: a list of one of which it
    /// knows no item is what is bought most.
    Lists {
        /// Also as CSV without a header: name, item, score.
        csv: bool,
    },
}

/// A model or a baseline that ranks items for a basket or a user.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Predictor {
    /// A model, read from its artifact's folder.
    Model {
        /// Folder of the artifact.
        artifact: String,
    },
    /// Items by the number of train baskets that hold them.
    Popularity,
    /// Sum over the query's items of how often a candidate shares a train basket with it.
    CoOccurrence {
        /// The train baskets: one `List<UInt32>` column, select, unshuffled.
        baskets: FeedSpec,
    },
    /// A baseline that ranks for users.
    NextBasket {
        /// Which, with its params and its study.
        baseline: BaselineSpec,
        /// What all users bought: columns user_id, baskets, train and valid of the sequences, select,
        /// unshuffled; where the baseline [reads them](BaselineSpec::reads_sequences).
        sequences: Option<FeedSpec>,
    },
    /// A baseline that judges decisions.
    Decision {
        /// Which, with its params.
        baseline: BaselineSpec,
        /// The train decisions, with the columns of the training's feed, select, unshuffled.
        train: FeedSpec,
    },
}

/// What a trainer says about its attempt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WorkReport {
    /// The attempt spoken of.
    pub attempt_id: String,
    /// What happened.
    pub kind: WorkReportKind,
}

/// The kinds of report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum WorkReportKind {
    /// How far it is.
    Progress {
        /// Units done, of this attempt and those it resumed.
        done: u64,
        /// Units in all.
        total: u64,
        /// Pairs trained or queries ranked so far by this attempt.
        rows: u64,
        /// Rows per second, lately.
        rate: f64,
        /// Share of the attempt's time spent waiting for the feed, where it reads one.
        #[serde(default)]
        stall_share: Option<f64>,
    },
    /// A point of the loss curve.
    Loss {
        /// Epoch, from 0.
        epoch: u64,
        /// Global step over all epochs.
        step: u64,
        /// Mean loss per pair since the last point.
        loss: f64,
        /// Learning rate now.
        learning_rate: f64,
        /// Pairs trained so far, over all attempts.
        pairs: u64,
        /// Where the time went since the last point.
        #[serde(default)]
        stall: StallLedger,
    },
    /// A line for the run's log.
    Log {
        /// The text.
        text: String,
    },
    /// A checkpoint was committed: steps before (epoch, step) are in it.
    Checkpointed {
        /// Epoch.
        epoch: u64,
        /// Step inside the epoch.
        step: u64,
    },
    /// Done.
    Finished {
        /// What came of it.
        outcome: WorkOutcome,
    },
    /// Not done.
    Failed {
        /// Why, in a sentence.
        error: String,
        /// Whether another attempt may go better.
        retryable: bool,
    },
}

/// A Parquet file as it was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WrittenTable {
    /// Its columns.
    pub columns: Vec<ManifestColumn>,
    /// The file; its digest is that of its bytes.
    pub file: ManifestFile,
}

fn pair() -> String {
    "pair".into()
}

/// What came of work.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum WorkOutcome {
    /// A model was trained.
    Trained {
        /// Files of the artifact.
        files: Vec<ArtifactFile>,
        /// Digest of the feed.
        #[serde(default)]
        feed: String,
        /// blake3 over the digests of all batches, in order.
        feed_ledger: String,
        /// Global steps over all epochs.
        steps: u64,
        /// Pairs over all epochs; of other models, what they are trained on.
        pairs: u64,
        /// One of them, in a word.
        #[serde(default = "pair")]
        example: String,
        /// Seconds of this attempt.
        seconds: f64,
        /// Where this attempt's time went.
        stall: StallLedger,
        /// The same by epoch.
        #[serde(default)]
        epochs: Vec<EpochStall>,
        /// Bytes that came over the wire in this attempt.
        #[serde(default)]
        wire_bytes: u64,
        /// Epoch and step this attempt went on from.
        resumed_from: Option<(u64, u64)>,
        /// What was tried first, where there was a study.
        #[serde(default)]
        trials: Vec<TrialRow>,
    },
    /// Predictions were written.
    Predicted {
        /// Queries ranked.
        queries: u64,
        /// Rows written.
        rows: u64,
        /// Path of the Parquet file below the warehouse.
        path: String,
        /// Seconds of this attempt.
        seconds: f64,
        /// What was tried first, where there was a study.
        #[serde(default)]
        trials: Vec<TrialRow>,
        /// What a table's manifest must know of the file.
        #[serde(default)]
        written: Option<WrittenTable>,
    },
    /// Users were grouped.
    Segmented {
        /// Users.
        users: u64,
        /// Segments.
        segments: u32,
        /// Why so many.
        reason: String,
        /// Whether halves of the users are grouped alike; unknown where the number was given.
        reliable: Option<bool>,
        /// Path of the [`SegmentSummary`](crate::segments::SegmentSummary) below the warehouse.
        path: String,
        /// Seconds of this attempt.
        seconds: f64,
    },
}
