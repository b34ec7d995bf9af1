//! Params of cust2vec.

use serde::{Deserialize, Serialize};

use super::prod2vec::{Optimizer, UpdateMode};
use crate::spec::reader::Table;

/// Hyperparameters of cust2vec: vectors of users from the items of their baskets, in order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Cust2vecParams {
    /// What foretells an item: `dbow`, the user alone, `dm`, the mean of the user and the items
    /// around, or `dm-concat`, the same end to end, each in its place; `dbow` unless given.
    /// `dm-concat` has (1 + 2 · window) · dim output weights for each item, the others dim.
    pub architecture: Cust2vecArchitecture,
    /// Of `dbow`: items learn vectors alongside, by skip-gram; true unless given.
    pub train_items: bool,
    /// Length of a vector, 8 to 1024; 128 unless given.
    pub dim: u32,
    /// Items on each side that count as around an item, 1 to 100; 5 unless given. `dm-concat` takes
    /// all of them, the others at random fewer for each item.
    pub window: u32,
    /// Negative items per step, 1 to 100; 5 unless given.
    pub negatives: u32,
    /// Several items of a user share negatives, of `dbow` and `dm-concat`; false unless given: each
    /// has its own.
    pub negatives_shared: bool,
    /// Passes over the users, 1 to 1000; 10 unless given.
    pub epochs: u32,
    /// Learning rate of the first step, above 0; 0.025 unless given.
    pub learning_rate: f64,
    /// Learning rate of the last step, at most `learning_rate`; 0.0001 unless given.
    pub min_learning_rate: f64,
    /// A negative item is drawn with probability ∝ count^power, -2 to 2; 0.75 unless given.
    pub power: f64,
    /// `deterministic` or `fast`; `deterministic` unless given.
    pub mode: UpdateMode,
    /// `sgd` or `adagrad`; `sgd` unless given.
    pub optimizer: Optimizer,
    /// Epochs between two checkpoints, 0 for none; 1 unless given.
    pub checkpoint_epochs: u32,
}

/// What foretells an item of a user (Le and Mikolov 2014).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cust2vecArchitecture {
    /// PV-DBOW: the user's vector.
    #[default]
    Dbow,
    /// PV-DM: the mean of the user's vector and those of the items around.
    Dm,
    /// PV-DM by concatenation: the user's vector and those of the items around end to end, zeros where
    /// the list has no such item.
    DmConcat,
}

impl Default for Cust2vecParams {
    fn default() -> Self {
        Self {
            architecture: Cust2vecArchitecture::Dbow,
            train_items: true,
            dim: 128,
            window: 5,
            negatives: 5,
            negatives_shared: false,
            epochs: 10,
            learning_rate: 0.025,
            min_learning_rate: 0.0001,
            power: 0.75,
            mode: UpdateMode::Deterministic,
            optimizer: Optimizer::Sgd,
            checkpoint_epochs: 1,
        }
    }
}

impl Cust2vecParams {
    pub(super) fn read(table: &Table<'_, '_>) -> Self {
        let default = Self::default();
        let architectures = [
            ("dbow", Cust2vecArchitecture::Dbow),
            ("dm", Cust2vecArchitecture::Dm),
            ("dm-concat", Cust2vecArchitecture::DmConcat),
        ];
        let number = |key, range, allowed: fn(f64) -> bool| table.number(key, range, allowed);
        Self {
            architecture: table
                .choice("architecture", &architectures)
                .unwrap_or_default(),
            train_items: table.flag("train_items").unwrap_or(default.train_items),
            dim: table.integer("dim", 8..=1024).unwrap_or(default.dim),
            window: table.integer("window", 1..=100).unwrap_or(default.window),
            negatives: table
                .integer("negatives", 1..=100)
                .unwrap_or(default.negatives),
            negatives_shared: table.flag("negatives_shared").unwrap_or_default(),
            epochs: table.integer("epochs", 1..=1000).unwrap_or(default.epochs),
            learning_rate: number("learning_rate", "above 0", |n| n > 0.0)
                .unwrap_or(default.learning_rate),
            min_learning_rate: number("min_learning_rate", "of at least 0", |n| n >= 0.0)
                .unwrap_or(default.min_learning_rate),
            power: number("power", "from -2 to 2", |n| (-2.0..=2.0).contains(&n))
                .unwrap_or(default.power),
            mode: UpdateMode::read(table),
            optimizer: Optimizer::read(table),
            checkpoint_epochs: table
                .integer("checkpoint_epochs", 0..)
                .unwrap_or(default.checkpoint_epochs),
        }
    }
}
