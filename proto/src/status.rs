//! What people ask about: runs, plans, models, tables. The JSON inside the answers.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::feed::FeedSpec;

/// State of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunPhase {
    /// Going on.
    Running,
    /// Asked to stop, not yet stopped.
    Cancelling,
    /// Ended well.
    Succeeded,
    /// Ended badly.
    Failed,
    /// Stopped.
    Cancelled,
}

/// State of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepPhase {
    /// Waits for others.
    Waiting,
    /// Going on.
    Running,
    /// Done by this run.
    Done,
    /// Was there already.
    Skipped,
    /// Failed for good.
    Failed,
}

/// A step as people see it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepStatus {
    /// Name, for example `table:baskets`.
    pub step: String,
    /// State.
    pub phase: StepPhase,
    /// Tries so far.
    pub attempts: u32,
    /// Units done.
    pub done: u64,
    /// Units in all; 0 where unknown.
    pub total: u64,
    /// Rows so far.
    pub rows: u64,
    /// Seconds, once done.
    pub seconds: Option<f64>,
    /// Share of the time spent waiting for a feed, where the step reads one.
    #[serde(default)]
    pub stall_share: Option<f64>,
}

/// A run as people see it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunStatus {
    /// Id.
    pub run_id: String,
    /// The spec's name.
    pub name: String,
    /// State.
    pub phase: RunPhase,
    /// Milliseconds since 1970, UTC.
    pub submitted_ms: i64,
    /// Milliseconds since 1970, UTC, once ended.
    pub ended_ms: Option<i64>,
    /// Why it failed.
    pub error: Option<String>,
    /// Where the report is, once written.
    pub report: Option<String>,
    /// Events so far: the next offset.
    pub events: u64,
    /// Steps in order.
    pub steps: Vec<StepStatus>,
}

/// One step of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanStep {
    /// Name.
    pub step: String,
    /// It is there already and will be skipped.
    pub exists: bool,
    /// Version, for tables.
    pub version: Option<String>,
    /// Rows, where it exists.
    pub rows: Option<u64>,
    /// Steps it waits for.
    pub after: Vec<String>,
    /// What else is to be known of it, for example that the spec has SQL of its own for it.
    #[serde(default)]
    pub note: Option<String>,
}

/// A published model version.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelInfo {
    /// Name.
    pub model: String,
    /// Version, from 1.
    pub version: u32,
    /// Kind, for example `prod2vec`.
    pub kind: String,
    /// Aliases that point to it.
    pub aliases: Vec<String>,
    /// The run that made it.
    pub run_id: String,
    /// Milliseconds since 1970, UTC.
    pub published_ms: i64,
    /// Evaluated numbers.
    pub metrics: BTreeMap<String, f64>,
    /// Bytes of all files.
    pub bytes: u64,
}

/// Where a feed is used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedUse {
    /// The run.
    pub run_id: String,
    /// Its step, for example `train:vectors` or `feed:pairs`.
    pub step: String,
    /// Whether the run has recorded the digest of every batch.
    pub recorded: bool,
}

/// A feed that is written down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedInfo {
    /// Its digest, which names it.
    pub digest: String,
    /// Its table.
    pub table: String,
    /// The version of that.
    pub version: String,
    /// Its transform.
    pub transform: String,
    /// Rows of the table.
    pub rows: u64,
    /// Global steps of an epoch.
    pub steps: u64,
    /// Rows of a global step.
    pub batch_rows: u64,
    /// When it was written down, in milliseconds since 1970, UTC.
    pub made_ms: i64,
    /// Who uses it, newest first.
    pub uses: Vec<FeedUse>,
}

/// All about a feed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FeedDetail {
    /// In short.
    pub info: FeedInfo,
    /// In full.
    pub spec: FeedSpec,
}

/// A committed table version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableInfo {
    /// Name.
    pub table: String,
    /// Version.
    pub version: String,
    /// Whether the bare name stands for this version.
    pub current: bool,
    /// Rows.
    pub rows: u64,
    /// Bytes of all files.
    pub bytes: u64,
    /// Files.
    pub files: u32,
    /// When it was committed, in milliseconds since 1970, UTC.
    pub made_ms: i64,
    /// The run that made it, where this scheduler has a record of that.
    pub run_id: Option<String>,
}

/// One step back in where a table came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ancestor {
    /// Steps back from the table; 1 is its own input.
    pub depth: u32,
    /// Name of the table or raw relation.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Raw files, which have no inputs; otherwise a table.
    pub raw: bool,
    /// Rows of a table that is still there.
    pub rows: Option<u64>,
    /// Its own inputs are listed where it stands first.
    pub again: bool,
}

/// All that is known of a table version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableDetail {
    /// As in the list.
    pub info: TableInfo,
    /// Where it came from, depth first.
    pub ancestors: Vec<Ancestor>,
    /// What it consists of.
    pub manifest: crate::manifest::TableManifest,
}
