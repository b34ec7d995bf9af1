//! What a feed is. Its digest names it; the same digest gives the same batches everywhere.

use serde::{Deserialize, Serialize};

use crate::feed::EpochOrder;
use crate::ids::digest_of;

/// The window of a pair transform.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PairWindow {
    /// Items up to a distance drawn uniformly from `1..=n`, as word2vec does.
    Items(u32),
    /// Every other item of the basket.
    Basket,
}

/// What happens to a row after it has its place in the order: narrow, row by row, with
/// randomness keyed by (seed, epoch, row id).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Transform {
    /// The columns as they are.
    Select,
    /// Skipgram pairs (center: UInt32, context: UInt32) from the first column, a `List<UInt32>`.
    /// Items below `first_item` (PAD, UNK) are left out; the items of a basket are shuffled.
    Pairs {
        /// Which neighbours of a center become its contexts.
        window: PairWindow,
        /// Items smaller than this are not real items.
        first_item: u32,
        /// word2vec's subsampling: the chance, in 1/2^32, with which an item stays, by item.
        /// Empty: every item stays.
        keep: Vec<u32>,
    },
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
    /// Rows of each row group of the table version, in table order.
    pub row_groups: Vec<u64>,
}

impl FeedSpec {
    /// The feed's name: blake3 of its canonical JSON, in hex.
    #[must_use]
    pub fn digest(&self) -> String {
        digest_of(self)
    }

    /// The order of one epoch.
    #[must_use]
    pub fn order(&self, epoch: u64) -> EpochOrder {
        EpochOrder::new(
            &self.row_groups,
            self.seed,
            epoch,
            self.shuffle,
            self.batch_rows,
            self.window_rows,
        )
    }

    /// Global steps of every epoch.
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.row_groups
            .iter()
            .sum::<u64>()
            .div_ceil(self.batch_rows.max(1))
    }
}
