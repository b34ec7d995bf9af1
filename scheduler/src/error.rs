//! The scheduler's errors, by what the caller can do, and their one mapping to gRPC.

use pannier_engine::EngineError;
use pannier_proto::spec::SpecError;
use tonic::Status;

/// Why the scheduler could not do something.
#[derive(Debug, thiserror::Error)]
pub enum SchedulerError {
    /// The spec is wrong: mend it.
    #[error("{0}")]
    Spec(#[from] SpecError),
    /// SQL is wrong, or would do more than read: write it otherwise.
    #[error("{0}")]
    Sql(String),
    /// There is no such thing.
    #[error("{0}")]
    NotFound(String),
    /// Not possible in this state.
    #[error("{0}")]
    Refused(String),
    /// A query, a table or a file is wrong: trying again will not help.
    #[error("{0}")]
    Failed(String),
    /// Something went away; trying again may help.
    #[error("{0}")]
    Unavailable(String),
    /// The database of runs cannot be used.
    #[error("the database of runs cannot be used: {0}")]
    Store(#[from] rusqlite::Error),
    /// A record that this build cannot read.
    #[error("a stored record cannot be read: {0}")]
    Record(#[from] serde_json::Error),
}

impl SchedulerError {
    /// Whether trying again may help.
    #[must_use]
    pub fn retryable(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::Store(_))
    }
}

impl From<EngineError> for SchedulerError {
    fn from(error: EngineError) -> Self {
        let text = error.to_string();
        match error {
            EngineError::Store { .. } => Self::Unavailable(text),
            EngineError::Query(_) | EngineError::Corrupt { .. } | EngineError::Input(_) => {
                Self::Failed(text)
            }
        }
    }
}

impl From<datafusion::error::DataFusionError> for SchedulerError {
    fn from(error: datafusion::error::DataFusionError) -> Self {
        Self::Failed(error.strip_backtrace())
    }
}

impl From<SchedulerError> for Status {
    fn from(error: SchedulerError) -> Self {
        let text = error.to_string();
        match error {
            SchedulerError::Spec(_) | SchedulerError::Sql(_) => Self::invalid_argument(text),
            SchedulerError::NotFound(_) => Self::not_found(text),
            SchedulerError::Refused(_) | SchedulerError::Failed(_) => {
                Self::failed_precondition(text)
            }
            SchedulerError::Unavailable(_) => Self::unavailable(text),
            SchedulerError::Store(_) | SchedulerError::Record(_) => Self::internal(text),
        }
    }
}
