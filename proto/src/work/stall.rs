//! Where a trainer's time went.

use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

/// Seconds a trainer spent, by cause.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct StallLedger {
    /// Waiting while the executor read and decoded Parquet.
    pub scan: f64,
    /// Waiting while the executor made rows of the transform.
    pub transform: f64,
    /// Waiting until an executor had a stream free.
    #[serde(default)]
    pub queue: f64,
    /// Waiting for anything else between executor and trainer.
    pub network: f64,
    /// Turning record batches into the model's input.
    pub decode: f64,
    /// Training.
    pub compute: f64,
}

impl StallLedger {
    /// Seconds spent waiting for the feed.
    #[must_use]
    pub fn waited(&self) -> f64 {
        self.scan + self.transform + self.queue + self.network
    }

    /// Seconds of everything.
    #[must_use]
    pub fn total(&self) -> f64 {
        self.waited() + self.decode + self.compute
    }

    /// Share of the time spent waiting, `0..=1`.
    #[must_use]
    pub fn stall_share(&self) -> f64 {
        let total = self.total();
        if total > 0.0 {
            self.waited() / total
        } else {
            0.0
        }
    }

    /// Seconds by cause.
    #[must_use]
    pub fn causes(&self) -> [(&'static str, f64); 6] {
        [
            ("scan", self.scan),
            ("transform", self.transform),
            ("queue", self.queue),
            ("network", self.network),
            ("decode", self.decode),
            ("compute", self.compute),
        ]
    }

    /// What was spent since an earlier state of the same ledger.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        Self {
            scan: self.scan - earlier.scan,
            transform: self.transform - earlier.transform,
            queue: self.queue - earlier.queue,
            network: self.network - earlier.network,
            decode: self.decode - earlier.decode,
            compute: self.compute - earlier.compute,
        }
    }

    /// What would shorten the waits, where they are worth a word: more than a twentieth of the time.
    #[must_use]
    pub fn advice(&self) -> Option<&'static str> {
        if self.stall_share() < 0.05 {
            return None;
        }
        let causes = [
            (
                self.scan,
                "it waited for reading: raise feed_cache of the executors so that the table stays in memory, or add an executor",
            ),
            (
                self.transform,
                "it waited for the transform: add an executor, or raise feed_threads",
            ),
            (
                self.queue,
                "it waited for its turn: raise feed_streams of the executors, or add an executor",
            ),
            (
                self.network,
                "it waited for the network: raise prefetch_bytes and prefetch_windows of the trainer, and let it expand = \"trainer\"",
            ),
        ];
        let largest = causes.into_iter().max_by(|a, b| a.0.total_cmp(&b.0));
        largest.map(|(_, advice)| advice)
    }
}

impl AddAssign for StallLedger {
    fn add_assign(&mut self, more: Self) {
        self.scan += more.scan;
        self.transform += more.transform;
        self.queue += more.queue;
        self.network += more.network;
        self.decode += more.decode;
        self.compute += more.compute;
    }
}

/// Where the time of one epoch went.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct EpochStall {
    /// Epoch, from 0.
    pub epoch: u64,
    /// Seconds of this attempt, by cause.
    pub stall: StallLedger,
}
