//! How patient a process is with object stores. What a store is and who may read it is not said
//! here but in the environment (`AWS_*`).

use std::time::Duration;

use pannier_proto::config::Span;
use serde::{Deserialize, Serialize};

/// Patience with object stores, the same for all buckets of a process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StoreConfig {
    /// Times that one request is sent again after a 5xx, a "slow down", a time-out or a cut
    /// connection.
    pub retries: usize,
    /// A request is not sent again once it began so long ago.
    pub retry_for: Span,
    /// Pause before the first retry; it grows from one to the next, with jitter.
    pub backoff: Span,
    /// The longest pause between two retries.
    pub backoff_limit: Span,
    /// Until a connection stands.
    pub connect_timeout: Span,
    /// Until an answer is read to its end; what is left of it is then asked for again.
    pub request_timeout: Span,
}

impl Default for StoreConfig {
    fn default() -> Self {
        Self {
            retries: 10,
            retry_for: Span(Duration::from_secs(180)),
            backoff: Span(Duration::from_millis(100)),
            backoff_limit: Span(Duration::from_secs(15)),
            connect_timeout: Span(Duration::from_secs(5)),
            request_timeout: Span(Duration::from_secs(60)),
        }
    }
}
