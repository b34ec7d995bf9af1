//! What a report is made of: plain values, gathered by the caller.
//!
//! Owns the vocabulary between the scheduler and the page. It must not know HTML, and it computes
//! only what follows from its own fields (shares, verdicts). Units: seconds are `f64` wall-clock
//! seconds, bytes are bytes, shares are fractions of one.

mod prepare;
mod results;
mod training;

use std::collections::BTreeMap;

use pannier_proto::event::{CalibrationRow, CurveRow, DecidedRow, Operator};
use pannier_proto::profile::Profile;
use pannier_proto::segments::SegmentSummary;
use serde::{Deserialize, Serialize};

pub use prepare::{
    Check, CheckOutcome, LeftOut, RejectReason, RejectSample, Rejects, RowAction, SampleRows,
    Severity, Split, SplitPart, TableRow,
};
pub use results::{
    AliasMove, Artifact, ArtifactFile, Better, Difference, Gate, GateOutcome, Interval, ItemMap,
    Lineage, MapPlace, MethodKind, MetricRow, Neighbour, NeighbourList, TableRef, Verdict,
};
pub use training::{
    Attempt, AttemptOutcome, LossPoint, Param, ResumePoint, StallLedger, Training, Trial, Tuned,
};

/// Everything one page shows. Every list may be empty and every option absent.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ReportData {
    /// Which run this is and how it ended.
    pub header: RunHeader,
    /// Evaluated numbers of models and baselines. The first row's metric is the headline metric.
    pub metrics: Vec<MetricRow>,
    /// Paired differences of a model against a baseline.
    pub differences: Vec<Difference>,
    /// What the baselines' params were chosen from, of those that were tuned.
    pub tuned: Vec<Tuned>,
    /// How right the probabilities are that methods give, method by method, by probability.
    pub calibration: Vec<CalibrationRow>,
    /// How well methods tell decisions apart, method by method, from the highest probability on.
    pub curves: Vec<CurveRow>,
    /// The held-out decisions. `None`: there were none.
    pub decided: Option<DecidedRow>,
    /// Artifacts the run wrote, one for each trained model.
    pub artifacts: Vec<Artifact>,
    /// Trainings, one for each `[[train]]` of the spec.
    pub training: Vec<Training>,
    /// Nearest items by cosine, for a few items a reader knows.
    pub neighbours: Vec<NeighbourList>,
    /// The items of each model on a flat map.
    pub maps: Vec<ItemMap>,
    /// The users of each model in segments.
    pub segments: Vec<SegmentSummary>,
    /// Tables in the order they were made.
    pub tables: Vec<TableRow>,
    /// Rows left out or counted while reading the source. `None`: the source was not read.
    pub rejects: Option<Rejects>,
    /// Data checks, in spec order.
    pub checks: Vec<Check>,
    /// What the source holds. `None`: it was not profiled.
    pub profile: Option<Profile>,
    /// Train, valid and test. `None`: no split was made.
    pub split: Option<Split>,
    /// What ran when.
    pub timeline: Vec<Activity>,
    /// What the engine's operators cost in all steps together, the dearest first.
    pub operators: Vec<Operator>,
    /// Why a part is empty, in a full sentence, where the caller knows better than the page.
    pub absent: BTreeMap<Part, String>,
}

/// The run itself.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct RunHeader {
    /// The spec's name.
    pub name: String,
    /// The run's id.
    pub id: String,
    /// How it ended.
    pub status: RunStatus,
    /// The spec's seed.
    pub seed: u64,
    /// When it started, RFC 3339.
    pub started_at: String,
    /// Wall-clock seconds from start to end, over all attempts.
    pub seconds: f64,
    /// Build of the program that ran it.
    pub build_id: String,
    /// The spec as submitted (TOML).
    pub spec: String,
    /// A sentence or two to show instead of the one the page makes from the numbers.
    pub summary: Option<String>,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum RunStatus {
    /// Everything the spec asked for was done (a gate that refused is still a success).
    #[default]
    Succeeded,
    /// It stopped on an error.
    Failed {
        /// What was wrong, where, and what to do.
        reason: String,
    },
    /// Somebody stopped it.
    Cancelled {
        /// By whom or why.
        reason: String,
    },
}

/// One bar of "where the time went".
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Activity {
    /// A transform, training or other piece of work.
    pub name: String,
    /// What kind of work it was; gives the bar its colour.
    pub kind: ActivityKind,
    /// Seconds from the run's start to its own.
    pub start_seconds: f64,
    /// How long it took, seconds.
    pub seconds: f64,
    /// How it ended.
    pub outcome: ActivityOutcome,
}

/// Kinds of work in a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActivityKind {
    /// Ingest, transforms, checks.
    Data,
    /// Training.
    Train,
    /// Predictions and metrics.
    Evaluate,
    /// Artifact, gate, alias, report.
    Publish,
}

/// How a piece of work ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActivityOutcome {
    /// It finished.
    Done,
    /// Its result was already there.
    Skipped,
    /// It failed or was cut off.
    Failed,
}

/// A part of the page, in page order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// Metrics and paired differences.
    Metrics,
    /// Artifact, gate and alias.
    Artifacts,
    /// Loss curves and stalls.
    Training,
    /// Item neighbours.
    Neighbours,
    /// Segments of users.
    Segments,
    /// Tables.
    Tables,
    /// Rejected and noted rows.
    Rejects,
    /// Data checks.
    Checks,
    /// What the source holds.
    Profile,
    /// Train, valid and test.
    Split,
    /// Where the time went.
    Timeline,
}

impl Part {
    /// All parts in page order: what came out first, then how it came about.
    pub const ALL: [Self; 11] = [
        Self::Metrics,
        Self::Artifacts,
        Self::Training,
        Self::Neighbours,
        Self::Segments,
        Self::Tables,
        Self::Rejects,
        Self::Checks,
        Self::Profile,
        Self::Split,
        Self::Timeline,
    ];

    /// The id of the part's section on the page.
    #[must_use]
    pub fn anchor(self) -> &'static str {
        match self {
            Self::Metrics => "metrics",
            Self::Artifacts => "artifacts",
            Self::Training => "training",
            Self::Neighbours => "neighbours",
            Self::Segments => "segments",
            Self::Tables => "tables",
            Self::Rejects => "rejects",
            Self::Checks => "checks",
            Self::Profile => "profile",
            Self::Split => "split",
            Self::Timeline => "timeline",
        }
    }

    /// The part's heading.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Metrics => "Metrics",
            Self::Artifacts => "Artifacts",
            Self::Training => "Training",
            Self::Neighbours => "Item neighbours",
            Self::Segments => "Segments",
            Self::Tables => "Tables",
            Self::Rejects => "Rejected rows",
            Self::Checks => "Checks",
            Self::Profile => "Profile",
            Self::Split => "Split",
            Self::Timeline => "Where the time went",
        }
    }
}
