//! Errors by what the reader of a feed can do.

/// Why a feed ended before its last step.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FeedError {
    /// No executor served a step for as long as the reader waits; a later attempt may go better.
    #[error(
        "the feed stopped at epoch {epoch} step {step}: no executor served it for {seconds} s; the last said: {reason}"
    )]
    Away {
        /// Epoch of the step.
        epoch: u64,
        /// The step.
        step: u64,
        /// How long was waited.
        seconds: u64,
        /// What the last executor said.
        reason: String,
    },
    /// Every executor refuses the feed, or its batches are not what the transform takes.
    #[error("the feed is wrong: {0}")]
    Wrong(String),
    /// The reader was told to stop.
    #[error("stopped")]
    Stopped,
    /// The reader broke its own rules.
    #[error("this is a bug of the feed's reader: {0}")]
    Bug(String),
}

/// Why rows cannot be transformed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the transform `{transform}` {reason}")]
pub struct TransformError {
    /// Its name.
    pub transform: &'static str,
    /// What it takes, and what it got.
    pub reason: String,
}

impl From<TransformError> for FeedError {
    fn from(error: TransformError) -> Self {
        Self::Wrong(error.to_string())
    }
}
