//! What can go wrong with an attempt, by what can be done about it.

/// Why a trainer cannot go on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TrainerError {
    /// The configuration cannot be used.
    #[error("the trainer's {key} cannot be used: {reason}")]
    Config {
        /// Key of the configuration.
        key: &'static str,
        /// What is wrong and what would be right.
        reason: String,
    },
    /// The data cannot be trained on or ranked; another attempt would end the same.
    #[error("the {what} cannot be used: {reason}")]
    Data {
        /// What it is.
        what: &'static str,
        /// What is wrong and what to do.
        reason: String,
    },
    /// Reading or writing the warehouse failed; it may pass.
    #[error("cannot {action} {path}: {reason}")]
    Storage {
        /// `read`, `write`, …
        action: &'static str,
        /// Below the warehouse.
        path: String,
        /// What the store said.
        reason: String,
    },
    /// No executor served a step for too long; it may pass.
    #[error(
        "no executor served step {step} of epoch {epoch} for {seconds} s; the last said: {reason}"
    )]
    FeedAway {
        /// Epoch, from 0.
        epoch: u64,
        /// Step of the epoch.
        step: u64,
        /// How long it was asked for.
        seconds: u64,
        /// The last error.
        reason: String,
    },
    /// The attempt was told to stop.
    #[error("the attempt was stopped")]
    Stopped,
    /// A part of this program broke its promise.
    #[error("a bug in the trainer: {reason}")]
    Bug {
        /// What happened.
        reason: String,
    },
}

impl TrainerError {
    /// Bad data.
    pub(crate) fn data(what: &'static str, reason: impl Into<String>) -> Self {
        Self::Data {
            what,
            reason: reason.into(),
        }
    }

    /// A broken promise of ours.
    pub(crate) fn bug(reason: impl std::fmt::Display) -> Self {
        Self::Bug {
            reason: reason.to_string(),
        }
    }

    /// Whether another attempt may go better.
    #[must_use]
    pub fn retryable(&self) -> bool {
        match self {
            Self::Storage { .. } | Self::FeedAway { .. } => true,
            Self::Config { .. } | Self::Data { .. } | Self::Stopped | Self::Bug { .. } => false,
        }
    }
}
