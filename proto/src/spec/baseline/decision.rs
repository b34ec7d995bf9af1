//! Params of the baselines that judge decisions, each with its formula.

use serde::{Deserialize, Serialize};

use super::super::reader::Table;

/// What a baseline knows of a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DecisionFeatures {
    /// The price.
    Price,
    /// All of the context, the price among it.
    Context,
    /// That, and which item, user and category it is: as the share that was bought of the train decisions of
    /// each, (n₁ + 10 · m) / (n + 10) with m the share of all; a train decision's own share is that of the nine
    /// tenths of them that it is not in. By logistic regression each category has a column of 0 and 1 instead.
    All,
}

impl DecisionFeatures {
    const ALL: [(&'static str, Self); 3] = [
        ("price", Self::Price),
        ("context", Self::Context),
        ("all", Self::All),
    ];
}

/// Params of logistic regression: P(bought) = 1 / (1 + exp(-b - w·x)), with x the features, each less its
/// mean over its standard deviation among the train decisions, those of categories as they are. b and w minimise the sum over these of
/// -ln P(what was decided), plus `l2` / 2 · |w|².
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogisticParams {
    /// What it knows: `price`, `context` or `all`; `price` unless given.
    pub features: DecisionFeatures,
    /// How much large weights cost, at least 0; 1 unless given.
    pub l2: f64,
}

impl LogisticParams {
    /// What holds unless other params are given.
    pub const DEFAULT: Self = Self {
        features: DecisionFeatures::Price,
        l2: 1.0,
    };

    pub(super) fn read(table: &Table<'_, '_>) -> Self {
        let default = Self::DEFAULT;
        let features = table.choice("features", &DecisionFeatures::ALL);
        let l2 = table.number("l2", "of at least 0", |n| n >= 0.0);
        Self {
            features: features.unwrap_or(default.features),
            l2: l2.unwrap_or(default.l2),
        }
    }
}

impl Default for LogisticParams {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// Params of gradient-boosted trees (Friedman 2001; Chen and Guestrin 2016): each tree is fit to what the
/// log loss of those before it leaves.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BoostedTreesParams {
    /// What it knows: `price`, `context` or `all`; `all` unless given.
    pub features: DecisionFeatures,
    /// Trees, 1 to 10000; 200 unless given.
    pub trees: u32,
    /// Questions between a tree's root and its leaves, 1 to 16; 6 unless given.
    pub depth: u32,
    /// Share of a tree that is taken, above 0 and at most 1; 0.1 unless given.
    pub learning_rate: f64,
    /// How much large leaves cost, at least 0; 1 unless given.
    pub l2: f64,
}

impl BoostedTreesParams {
    /// What holds unless other params are given.
    pub const DEFAULT: Self = Self {
        features: DecisionFeatures::All,
        trees: 200,
        depth: 6,
        learning_rate: 0.1,
        l2: 1.0,
    };

    pub(super) fn read(table: &Table<'_, '_>) -> Self {
        let default = Self::DEFAULT;
        let features = table.choice("features", &DecisionFeatures::ALL);
        let trees = table.integer("trees", 1..=10_000);
        let depth = table.integer("depth", 1..=16);
        let rate = table.number("learning_rate", "above 0 and at most 1", |n| {
            n > 0.0 && n <= 1.0
        });
        let l2 = table.number("l2", "of at least 0", |n| n >= 0.0);
        Self {
            features: features.unwrap_or(default.features),
            trees: trees.unwrap_or(default.trees),
            depth: depth.unwrap_or(default.depth),
            learning_rate: rate.unwrap_or(default.learning_rate),
            l2: l2.unwrap_or(default.l2),
        }
    }
}

impl Default for BoostedTreesParams {
    fn default() -> Self {
        Self::DEFAULT
    }
}
