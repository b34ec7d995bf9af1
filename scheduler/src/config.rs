//! The scheduler's config.

use std::path::PathBuf;
use std::time::Duration;

use pannier_proto::config::Span;
use pannier_store::StoreConfig;
use serde::{Deserialize, Serialize};

/// How a scheduler runs.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SchedulerConfig {
    /// Address to listen on.
    pub listen: String,
    /// Name or address under which executors and trainers reach this machine.
    pub external_host: String,
    /// Folder for the database of runs and models.
    pub state: PathBuf,
    /// Root of the warehouse: a folder, or `s3://bucket/prefix`. Every executor and trainer must
    /// reach it under the same name.
    pub warehouse: String,
    /// An executor that has not been heard of for so long is gone.
    pub executor_timeout: Span,
    /// A trainer that has not been heard of for so long is gone.
    pub trainer_timeout: Span,
    /// A job waits so long for an executor to come before it fails.
    pub executor_wait: Span,
    /// A job without any progress for so long is submitted again.
    pub job_silence: Span,
    /// Tables made at a time, over all runs.
    pub parallel_jobs: usize,
    /// Whether runs that have not ended are taken up at the start.
    pub take_up: bool,
    /// Rows that one `sql` request gives at most; 0 for as many as there are.
    pub sql_limit: u64,
    /// A client that takes nothing of its answer for so long is gone.
    pub sql_patience: Span,
    /// Patience with object stores; the same for all roles of one process.
    pub store: StoreConfig,
}

impl Default for SchedulerConfig {
    fn default() -> Self {
        Self {
            listen: "0.0.0.0:50050".into(),
            external_host: "127.0.0.1".into(),
            state: PathBuf::from("pannier-data/state"),
            warehouse: "pannier-data/warehouse".into(),
            executor_timeout: Span(Duration::from_secs(30)),
            trainer_timeout: Span(Duration::from_secs(10)),
            executor_wait: Span(Duration::from_secs(300)),
            job_silence: Span(Duration::from_secs(180)),
            parallel_jobs: 4,
            take_up: true,
            sql_limit: 0,
            sql_patience: Span(Duration::from_secs(600)),
            store: StoreConfig::default(),
        }
    }
}
