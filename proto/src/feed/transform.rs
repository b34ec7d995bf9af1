//! What a feed makes of a row after it has its place in the order: narrow, row by row, with
//! randomness keyed by (seed, epoch, row id). Types only; how it is done is `pannier-feed`'s, and for
//! SQL the engine's.

use serde::{Deserialize, Serialize};

use crate::feed::Noise;

/// The window of a pair transform.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PairWindow {
    /// Items up to a distance drawn uniformly from `1..=n`, as word2vec does.
    Items(u32),
    /// Every other item of the basket.
    Basket,
}

/// Which of a sequence's baskets a target is taken from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// Those for training.
    Train,
    /// Those for validation; all before the target is history.
    Valid,
    /// Those held out; all before the target is history.
    Test,
}

impl Part {
    /// Every part.
    pub const ALL: [Self; 3] = [Self::Train, Self::Valid, Self::Test];

    /// Its name in tables and specs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Valid => "valid",
            Self::Test => "test",
        }
    }
}

/// Which basket of the part is the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Target {
    /// The first that has a history.
    First,
    /// The last.
    Last,
    /// One that has a history, drawn anew in every epoch.
    Random,
}

impl Target {
    /// Every choice.
    pub const ALL: [Self; 3] = [Self::First, Self::Last, Self::Random];

    /// Its name in specs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Last => "last",
            Self::Random => "random",
        }
    }
}

/// What becomes of a row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Transform {
    /// The columns as they are.
    Select,
    /// Skipgram pairs (center: UInt32, context: UInt32) from the first column, a `List<UInt32>`.
    /// Items below `first_item` (PAD, UNK) are left out; the items of a basket are shuffled. With
    /// negatives a third column, `negatives: FixedSizeList<UInt32>`.
    Pairs {
        /// Which neighbours of a center become its contexts.
        window: PairWindow,
        /// Items smaller than this are not real items.
        first_item: u32,
        /// word2vec's subsampling: the chance, in 1/2^32, with which an item stays, by item.
        /// Empty: every item stays.
        keep: Vec<u32>,
        /// Items drawn for each pair; none: the trainer draws its own.
        #[serde(default)]
        negatives: Option<Noise>,
    },
    /// One row for each sequence with a target (history: `List<List<UInt32>>`, target:
    /// `List<UInt32>`, then the further columns). Columns read: baskets, train, valid, others.
    /// Sequences without a target give no row.
    Sequences {
        /// Where the target is taken from.
        part: Part,
        /// Which of them.
        target: Target,
        /// Baskets of the history at most, the newest; 0: all.
        max_history: u32,
    },
    /// A user's count of an item with the confidence `1 + alpha·count` (Hu, Koren and Volinsky 2008,
    /// equation 2). Columns read: user, item_idx, count, others; a column `confidence: Float32` comes
    /// after them, then with negatives `negatives: FixedSizeList<UInt32>`.
    Counts {
        /// How much a count weighs.
        alpha: f32,
        /// Items drawn for each row; none: the trainer draws its own.
        #[serde(default)]
        negatives: Option<Noise>,
    },
    /// Decisions of a part with their context. Columns read: item_idx, split, context. Each row of the
    /// part comes as (item_idx, label: Float32, context) with label 1; with negatives, rows of label 0
    /// with drawn items and the same context stand behind it.
    Interactions {
        /// Rows of which part come.
        part: Part,
        /// Items drawn for each row.
        #[serde(default)]
        negatives: Option<Noise>,
    },
    /// A query over the relation `rows`: the columns read, `_row: UInt64` (the row's id in the table)
    /// and `_random: UInt64` (keyed by seed, epoch and row). Projections, filters and unnest only.
    Sql {
        /// The query.
        sql: String,
    },
}

impl Transform {
    /// Its name in specs, docs and texts.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Select => "select",
            Self::Pairs { .. } => "pairs",
            Self::Sequences { .. } => "sequences",
            Self::Counts { .. } => "counts",
            Self::Interactions { .. } => "interactions",
            Self::Sql { .. } => "sql",
        }
    }
}
