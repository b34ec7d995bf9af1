//! Params of prod2vec.

use serde::{Deserialize, Serialize};
use toml::de::DeValue;

use crate::spec::reader::Table;
use crate::spec::value::integer;

/// Hyperparameters of prod2vec: skipgram with negative sampling over baskets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Prod2vecParams {
    /// Length of a vector, 8 to 1024; 128 unless given.
    pub dim: u32,
    /// Which items of a basket are a pair, 1 to 100 places or the whole basket; 5 unless given.
    pub window: WindowSpec,
    /// Negative items per pair, 1 to 100; 5 unless given.
    pub negatives: u32,
    /// Passes over the baskets, 1 to 1000; 5 unless given.
    pub epochs: u32,
    /// Learning rate of the first step, above 0; 0.025 unless given.
    pub learning_rate: f64,
    /// Learning rate of the last step, at most `learning_rate`; 0.0001 unless given.
    pub min_learning_rate: f64,
    /// A negative item is drawn with probability ∝ count^power, -2 to 2; 0.75 unless given.
    pub power: f64,
    /// word2vec's subsampling threshold t, a share of all items bought; 0 (off) unless given.
    pub subsample: f64,
    /// Baskets of a global step, at least 1; 1024 unless given.
    pub batch_baskets: u32,
    /// Steps between two checkpoints, 0 for one at the end of each epoch; 200 unless given.
    pub checkpoint_steps: u32,
    /// `deterministic` or `fast`; `deterministic` unless given.
    pub mode: UpdateMode,
    /// The pairs of one item in a basket share its negatives; false unless given: each has its own.
    pub negatives_shared: bool,
    /// `sgd` or `adagrad`; `sgd` unless given.
    pub optimizer: Optimizer,
}

/// How updates are applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UpdateMode {
    /// One after another: the same bytes on every machine.
    #[default]
    Deterministic,
    /// On all threads without locks (Recht et al. 2011): no two trainings need be equal.
    Fast,
}

/// What makes a step of a gradient.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Optimizer {
    /// The learning rate, which falls in a straight line.
    #[default]
    Sgd,
    /// That, over the root of what a row's squared gradients add up to (Duchi et al. 2011).
    Adagrad,
}

impl UpdateMode {
    pub(super) fn read(table: &Table<'_, '_>) -> Self {
        let modes = [("deterministic", Self::Deterministic), ("fast", Self::Fast)];
        table.choice("mode", &modes).unwrap_or_default()
    }
}

impl Optimizer {
    pub(super) fn read(table: &Table<'_, '_>) -> Self {
        let optimizers = [("sgd", Self::Sgd), ("adagrad", Self::Adagrad)];
        table.choice("optimizer", &optimizers).unwrap_or_default()
    }
}

impl Default for Prod2vecParams {
    fn default() -> Self {
        Self {
            dim: 128,
            window: WindowSpec::Items(5),
            negatives: 5,
            epochs: 5,
            learning_rate: 0.025,
            min_learning_rate: 0.0001,
            power: 0.75,
            subsample: 0.0,
            batch_baskets: 1024,
            checkpoint_steps: 200,
            mode: UpdateMode::Deterministic,
            negatives_shared: false,
            optimizer: Optimizer::Sgd,
        }
    }
}

/// Which items of a basket are a pair: a number of places, or `"basket"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "WindowJson", into = "WindowJson")]
pub enum WindowSpec {
    /// At most so many places apart.
    Items(u32),
    /// Every two items of the basket.
    Basket,
}

impl Prod2vecParams {
    pub(super) fn read(table: &Table<'_, '_>) -> Self {
        let default = Self::default();
        let number = |key, range, allowed: fn(f64) -> bool| table.number(key, range, allowed);
        Self {
            dim: table.integer("dim", 8..=1024).unwrap_or(default.dim),
            window: window(table).unwrap_or(default.window),
            negatives: table
                .integer("negatives", 1..=100)
                .unwrap_or(default.negatives),
            epochs: table.integer("epochs", 1..=1000).unwrap_or(default.epochs),
            learning_rate: number("learning_rate", "above 0", |n| n > 0.0)
                .unwrap_or(default.learning_rate),
            min_learning_rate: number("min_learning_rate", "of at least 0", |n| n >= 0.0)
                .unwrap_or(default.min_learning_rate),
            power: number("power", "from -2 to 2", |n| (-2.0..=2.0).contains(&n))
                .unwrap_or(default.power),
            subsample: number("subsample", "from 0 to 1", |n| (0.0..=1.0).contains(&n))
                .unwrap_or(default.subsample),
            batch_baskets: table
                .integer("batch_baskets", 1..)
                .unwrap_or(default.batch_baskets),
            checkpoint_steps: table
                .integer("checkpoint_steps", 0..)
                .unwrap_or(default.checkpoint_steps),
            mode: UpdateMode::read(table),
            negatives_shared: table.flag("negatives_shared").unwrap_or_default(),
            optimizer: Optimizer::read(table),
        }
    }
}

pub(in crate::spec) fn window(table: &Table<'_, '_>) -> Option<WindowSpec> {
    let expected = "an integer from 1 to 100 or \"basket\"";
    table.value("window", expected, |value: &DeValue<'_>| {
        if value.as_str() == Some("basket") {
            return Ok(WindowSpec::Basket);
        }
        integer(value, &(1..=100))
            .map(WindowSpec::Items)
            .ok_or(None)
    })
}

/// [`WindowSpec`] as JSON and TOML have it.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum WindowJson {
    Items(u32),
    Word(WindowWord),
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum WindowWord {
    Basket,
}

impl From<WindowJson> for WindowSpec {
    fn from(json: WindowJson) -> Self {
        match json {
            WindowJson::Items(places) => Self::Items(places),
            WindowJson::Word(WindowWord::Basket) => Self::Basket,
        }
    }
}

impl From<WindowSpec> for WindowJson {
    fn from(window: WindowSpec) -> Self {
        match window {
            WindowSpec::Items(places) => Self::Items(places),
            WindowSpec::Basket => Self::Word(WindowWord::Basket),
        }
    }
}
