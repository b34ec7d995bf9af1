//! The executor's errors, by what the caller can do.

use pannier_engine::EngineError;
use pannier_proto::feed::TicketError;
use tonic::Status;

/// Why an executor stopped or could not serve.
#[derive(Debug, thiserror::Error)]
pub enum ExecutorError {
    /// A port or folder cannot be used.
    #[error("{0}")]
    Config(String),
    /// The scheduler could not be reached at the start.
    #[error("no scheduler answers at {url}: {reason}")]
    Unreachable {
        /// The scheduler.
        url: String,
        /// What was seen.
        reason: String,
    },
    /// The scheduler was there and has gone away, or has dropped this executor. A new process is
    /// taken in again: Ballista's executor cannot start twice in one.
    #[error("the scheduler at {url} is lost: it did not answer, or sent this executor away")]
    SchedulerLost {
        /// The scheduler.
        url: String,
    },
    /// Ballista's executor ended in another way.
    #[error("the executor stopped: {0}")]
    Stopped(String),
    /// The feed's server could not go on.
    #[error("the feed cannot be served: {0}")]
    Serve(String),
}

/// Why a feed request cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    /// The ticket is none.
    #[error("{0}")]
    Ticket(#[from] TicketError),
    /// No such feed in the warehouse.
    #[error("there is no feed {0}; submit the run again")]
    Unknown(String),
    /// The table's files or the feed's columns are not as the feed says.
    #[error("the feed does not fit its table: {0}")]
    Mismatch(String),
    /// Reading failed; another executor may do better.
    #[error("{0}")]
    Read(#[from] EngineError),
    /// All streams are taken; another executor may have one free.
    #[error("all {streams} streams of the feed are taken; raise feed_streams, or add an executor")]
    Busy {
        /// How many there are.
        streams: usize,
    },
    /// Arrow or Parquet failed.
    #[error("a window cannot be read: {0}")]
    Decode(String),
}

impl From<FeedError> for Status {
    fn from(error: FeedError) -> Self {
        let text = error.to_string();
        match error {
            FeedError::Ticket(_) => Self::invalid_argument(text),
            FeedError::Unknown(_) => Self::not_found(text),
            FeedError::Mismatch(_) => Self::failed_precondition(text),
            FeedError::Busy { .. } => Self::resource_exhausted(text),
            FeedError::Read(_) | FeedError::Decode(_) => Self::unavailable(text),
        }
    }
}
