//! Where the time of a training went: of one that reads its feed whole and then goes over it in memory,
//! and of one that reads as it trains.

use pannier_proto::work::{EpochStall, StallLedger};

/// The time of reading and of each epoch.
pub(crate) struct Epochs(Vec<EpochStall>);

impl Epochs {
    /// The time of reading stands with the epoch that begins after it.
    pub(crate) fn new(first: u64, reading: StallLedger) -> Self {
        Self(vec![EpochStall {
            epoch: first,
            stall: reading,
        }])
    }

    /// Books seconds to an epoch; epochs come in order.
    pub(crate) fn book(&mut self, epoch: u64, compute: f64) {
        let stall = StallLedger {
            compute,
            ..StallLedger::default()
        };
        match self.0.last_mut().filter(|last| last.epoch == epoch) {
            Some(last) => last.stall += stall,
            None => self.0.push(EpochStall { epoch, stall }),
        }
    }

    /// All of it together.
    pub(crate) fn sum(&self) -> StallLedger {
        let mut sum = StallLedger::default();
        self.0.iter().for_each(|epoch| sum += epoch.stall);
        sum
    }

    /// By epoch.
    pub(crate) fn by_epoch(self) -> Vec<EpochStall> {
        self.0
    }
}

/// Where the attempt's time went, as a whole and by epoch.
#[derive(Default)]
pub(crate) struct Stalls {
    pub all: StallLedger,
    pub epochs: Vec<EpochStall>,
    /// The whole before the epoch that runs, and at the last step.
    before: StallLedger,
    at_step: StallLedger,
    pub wire_bytes: u64,
}

impl Stalls {
    /// Books what the whole has grown by since the last step to the step's epoch.
    pub(crate) fn step(&mut self, epoch: u64, wire_bytes: u64) {
        self.wire_bytes += wire_bytes;
        if self.epochs.last().is_none_or(|last| last.epoch != epoch) {
            self.before = self.at_step;
            self.epochs.push(EpochStall {
                epoch,
                stall: StallLedger::default(),
            });
        }
        if let Some(last) = self.epochs.last_mut() {
            last.stall = self.all.since(&self.before);
        }
        self.at_step = self.all;
    }
}
