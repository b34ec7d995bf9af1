//! `[[train]]`: which models are trained, and their params. It must not know how they are trained.

use serde::{Deserialize, Serialize};
use toml::de::DeValue;

use super::keys;
use super::reader::Table;
use super::value::integer;

/// One model to train.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "TrainJson")]
pub struct TrainSpec {
    /// Unique among the trainings, `[a-z0-9][a-z0-9-]*`, at most 64 characters: it names the
    /// artifact.
    pub name: String,
    /// Which model, with its params; the keys `model` and `params`.
    #[serde(flatten)]
    pub model: ModelSpec,
    /// Who makes the pairs: `trainer`, so that baskets travel, or `executor`; `trainer` unless given.
    /// What is learned does not depend on it.
    #[serde(default)]
    pub expand: Expand,
}

/// Who makes a feed's transform.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Expand {
    /// Whoever reads: few bytes travel.
    #[default]
    Trainer,
    /// The executor: the reader's processors are spared.
    Executor,
}

/// A model and its params.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "model", content = "params", rename_all = "kebab-case")]
pub enum ModelSpec {
    /// Item vectors from baskets.
    Prod2vec(Prod2vecParams),
}

impl ModelSpec {
    /// The model's name in a spec.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Prod2vec(_) => PROD2VEC,
        }
    }
}

const PROD2VEC: &str = "prod2vec";

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

impl TrainSpec {
    pub(super) fn read(table: &Table<'_, '_>) -> Self {
        // The model decides which keys `params` may have, so an unknown one says nothing of them.
        let known = table.choice("model", &[(PROD2VEC, ())]);
        let params = known.and_then(|()| table.table("params", &keys::PROD2VEC));
        let expand = [("trainer", Expand::Trainer), ("executor", Expand::Executor)];
        Self {
            name: table.name("name").unwrap_or_default(),
            expand: table.choice("expand", &expand).unwrap_or_default(),
            model: ModelSpec::Prod2vec(
                params.map(|t| Prod2vecParams::read(&t)).unwrap_or_default(),
            ),
        }
    }
}

impl Prod2vecParams {
    fn read(table: &Table<'_, '_>) -> Self {
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
        }
    }
}

pub(super) fn window(table: &Table<'_, '_>) -> Option<WindowSpec> {
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

/// [`TrainSpec`] as JSON has it: which params there are depends on the model.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TrainJson {
    name: String,
    model: String,
    #[serde(default)]
    params: serde_json::Map<String, serde_json::Value>,
    #[serde(default)]
    expand: Expand,
}

impl TryFrom<TrainJson> for TrainSpec {
    type Error = String;

    fn try_from(json: TrainJson) -> Result<Self, String> {
        let TrainJson {
            name,
            model,
            params,
            expand,
        } = json;
        match model.as_str() {
            PROD2VEC => {
                let params = serde_json::from_value(params.into()).map_err(|e| e.to_string())?;
                Ok(Self {
                    name,
                    model: ModelSpec::Prod2vec(params),
                    expand,
                })
            }
            _ => Err(format!(
                "unknown model `{model}`, known models: `{PROD2VEC}`"
            )),
        }
    }
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
