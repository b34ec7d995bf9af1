//! `[evaluate]`: what models and baselines are asked, and how the answers are judged. It must not
//! measure anything.

use serde::{Deserialize, Serialize};

use super::reader::Table;

/// What a predictor is asked about what was held out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Question {
    /// Which item a basket lacks, of which the others are known.
    Basket,
    /// What a user buys next, of whom the training's baskets are known.
    User,
    /// Whether a user buys an item that is offered, in a context that is known.
    Decision,
}

impl Question {
    /// Every question, in the order of reports.
    pub const ALL: [Self; 3] = [Self::Basket, Self::User, Self::Decision];
}

/// How models and baselines are evaluated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EvaluateSpec {
    /// The K of `hit_rate@K` and the like, each 1 to 100; 10 and 20 unless given.
    pub k: Vec<u32>,
    /// Held-out baskets, and users with all their decisions, that are sampled, at least 1; 10000 unless
    /// given.
    pub queries: u32,
    /// Users of fewer baskets, those held out among them, are not asked about; 1 unless given.
    pub min_baskets: u32,
}

impl Default for EvaluateSpec {
    fn default() -> Self {
        Self {
            k: vec![10, 20],
            queries: 10_000,
            min_baskets: 1,
        }
    }
}

impl EvaluateSpec {
    pub(super) fn read(table: &Table<'_, '_>) -> Self {
        let default = Self::default();
        Self {
            k: table.integers("k", 1..=100).unwrap_or(default.k),
            queries: table.integer("queries", 1..).unwrap_or(default.queries),
            min_baskets: table
                .integer("min_baskets", 1..)
                .unwrap_or(default.min_baskets),
        }
    }
}
