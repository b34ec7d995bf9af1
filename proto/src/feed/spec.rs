//! What a feed is. Its digest names it; the same digest gives the same batches everywhere.

use serde::{Deserialize, Serialize};

use crate::feed::{EpochOrder, Transform};
use crate::ids::digest_of;

/// What becomes of the rows at the end of an epoch that do not fill a step, for all replicas alike
/// and known before the epoch begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LastStep {
    /// They are a step of fewer rows. Every row comes once; a replica may get none of that step.
    #[default]
    Short,
    /// They are left out, in every epoch others.
    Drop,
    /// The epoch's first rows fill the step, so that all steps have the same number of rows.
    Pad,
}

impl LastStep {
    /// Every choice.
    pub const ALL: [Self; 3] = [Self::Short, Self::Drop, Self::Pad];

    /// Its name in specs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Short => "short",
            Self::Drop => "drop",
            Self::Pad => "pad",
        }
    }

    /// Steps of an epoch of `rows` rows.
    #[must_use]
    pub fn steps(self, rows: u64, batch_rows: u64) -> u64 {
        let batch = batch_rows.max(1);
        match self {
            Self::Short | Self::Pad => rows.div_ceil(batch),
            Self::Drop => rows / batch,
        }
    }
}

/// A feed: table version, columns, order and transform.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FeedSpec {
    /// Name of the table.
    pub table: String,
    /// Version of the table.
    pub version: String,
    /// Columns read, in this order.
    pub columns: Vec<String>,
    /// What is made of a row.
    pub transform: Transform,
    /// Seed of order and transform.
    pub seed: u64,
    /// Whether the epoch is shuffled. If not, rows come in table order.
    pub shuffle: bool,
    /// Rows of a global step.
    pub batch_rows: u64,
    /// Rows that a window holds at least.
    pub window_rows: u64,
    /// What becomes of rows that do not fill a step.
    #[serde(default)]
    pub last: LastStep,
    /// Rows of each row group of the table version, in table order.
    pub row_groups: Vec<u64>,
}

impl FeedSpec {
    /// Rows that a window holds at least unless said otherwise.
    pub const WINDOW_ROWS: u64 = 1 << 18;

    /// All rows of a table version as they are, in steps of 1024, in table order.
    #[must_use]
    pub fn new(table: impl Into<String>, version: impl Into<String>, row_groups: Vec<u64>) -> Self {
        Self {
            table: table.into(),
            version: version.into(),
            columns: Vec::new(),
            transform: Transform::Select,
            seed: 1,
            shuffle: false,
            batch_rows: 1024,
            window_rows: Self::WINDOW_ROWS,
            last: LastStep::Short,
            row_groups,
        }
    }

    /// The feed's name: blake3 of its canonical JSON, in hex.
    #[must_use]
    pub fn digest(&self) -> String {
        digest_of(self)
    }

    /// The order of one epoch.
    #[must_use]
    pub fn order(&self, epoch: u64) -> EpochOrder {
        EpochOrder::new(self, epoch)
    }

    /// Rows of the table version.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.row_groups.iter().sum()
    }

    /// Global steps of every epoch.
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.last.steps(self.rows(), self.batch_rows)
    }
}
