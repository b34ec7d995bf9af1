//! Where the time of a training went that reads its feed whole and then goes over it in memory.

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
