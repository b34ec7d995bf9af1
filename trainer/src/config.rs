//! How a trainer runs. Defaults are for one process on a laptop and for a cluster alike.

use std::time::Duration;

use pannier_proto::config::{ByteSize, Span};
use pannier_store::StoreConfig;
use serde::{Deserialize, Serialize};

use crate::device::Device;

/// A trainer's configuration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TrainerConfig {
    /// The scheduler, for example `http://10.0.0.5:50050`.
    pub scheduler: String,
    /// Threads that compute; 0 stands for one per core. No result depends on it.
    pub threads: usize,
    /// Where neural models compute: `flex`, `tch` or `tch-cuda`.
    pub device: Device,
    /// How long the scheduler may be silent before its stream counts as broken.
    pub silence: Span,
    /// How long all executors together may fail to serve a step before the attempt fails.
    pub feed_timeout: Span,
    /// How long one executor may take for its next step before the next one is asked.
    pub feed_stall: Span,
    /// Windows read at the same time from each executor.
    pub prefetch_windows: usize,
    /// Steps of one window that may wait for the model.
    pub prefetch_steps: usize,
    /// Bytes of all steps that may wait for the model.
    pub prefetch_bytes: ByteSize,
    /// Patience with object stores; the same for all roles of one process.
    pub store: StoreConfig,
}

impl Default for TrainerConfig {
    fn default() -> Self {
        Self {
            scheduler: "http://127.0.0.1:50050".into(),
            threads: 0,
            device: Device::Flex,
            silence: Span(Duration::from_secs(15)),
            feed_timeout: Span(Duration::from_secs(120)),
            feed_stall: Span(Duration::from_secs(20)),
            prefetch_windows: 4,
            prefetch_steps: 64,
            prefetch_bytes: ByteSize(64 << 20),
            store: StoreConfig::default(),
        }
    }
}

impl TrainerConfig {
    /// Threads, with 0 resolved.
    #[must_use]
    pub fn resolved_threads(&self) -> usize {
        match self.threads {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            n => n,
        }
    }

    /// Threads of the device, with 0 resolved. Those of libtorch spin while they wait, so that they
    /// are half of the cores where nobody says otherwise.
    #[must_use]
    pub fn device_threads(&self) -> usize {
        match (self.device, self.threads) {
            (Device::Tch | Device::TchCuda, 0) => self.resolved_threads().div_ceil(2),
            _ => self.resolved_threads(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_own_text_is_read_back_and_typos_are_not() {
        let config = TrainerConfig {
            prefetch_bytes: ByteSize(1 << 30),
            ..TrainerConfig::default()
        };
        let text = serde_json::to_string(&config).unwrap();
        assert_eq!(
            serde_json::from_str::<TrainerConfig>(&text).unwrap(),
            config
        );
        assert!(serde_json::from_str::<TrainerConfig>(r#"{"thread": 2}"#).is_err());
    }
}
