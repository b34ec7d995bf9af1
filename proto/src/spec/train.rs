//! `[[train]]`: which models are trained, and their params. It must not know how they are trained.

mod als;
mod attention_lstm;
mod cust2vec;
mod prod2vec;
mod wide_deep;

use serde::{Deserialize, Serialize};

use super::evaluate::Question;
use super::gate::Gate;
use super::keys;
use super::reader::Table;
pub use als::{AlsFeedback, AlsParams, AlsSolver, AlsStudy};
pub use attention_lstm::{AttentionLstmParams, BasketLoss, NeuralOptimizer, Schedule, Watch};
pub use cust2vec::{Cust2vecArchitecture, Cust2vecParams};
pub(super) use prod2vec::window;
pub use prod2vec::{Optimizer, Prod2vecParams, UpdateMode, WindowSpec};
pub use wide_deep::{ClassWeights, DecisionWatch, WideDeepParams};

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
    /// What must hold before the alias moves to the model; the gate of `[publish]` unless given.
    #[serde(default)]
    pub gate: Option<Gate>,
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
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "model", content = "params", rename_all = "kebab-case")]
pub enum ModelSpec {
    /// Item vectors from baskets.
    Prod2vec(Prod2vecParams),
    /// Factors of users and items from counts.
    Als(AlsParams),
    /// Vectors of users from sequences.
    Cust2vec(Cust2vecParams),
    /// The next basket from those before it.
    AttentionLstm(AttentionLstmParams),
    /// Whether an offered item is bought, in its context.
    #[serde(rename = "wide-and-deep")]
    WideDeep(WideDeepParams),
}

const PROD2VEC: &str = "prod2vec";
const ALS: &str = "als";
const CUST2VEC: &str = "cust2vec";
const ATTENTION_LSTM: &str = "attention-lstm";
const WIDE_DEEP: &str = "wide-and-deep";
/// Every model's name.
const MODELS: [(&str, &str); 5] = [
    (PROD2VEC, PROD2VEC),
    (ALS, ALS),
    (CUST2VEC, CUST2VEC),
    (ATTENTION_LSTM, ATTENTION_LSTM),
    (WIDE_DEEP, WIDE_DEEP),
];

impl ModelSpec {
    /// The model's name in a spec.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Prod2vec(_) => PROD2VEC,
            Self::Als(_) => ALS,
            Self::Cust2vec(_) => CUST2VEC,
            Self::AttentionLstm(_) => ATTENTION_LSTM,
            Self::WideDeep(_) => WIDE_DEEP,
        }
    }

    /// What it is asked.
    #[must_use]
    pub fn question(&self) -> Question {
        match self {
            Self::Prod2vec(_) => Question::Basket,
            Self::Als(_) | Self::Cust2vec(_) | Self::AttentionLstm(_) => Question::User,
            Self::WideDeep(_) => Question::Decision,
        }
    }

    /// Whether its scores are the probabilities of being bought.
    #[must_use]
    pub fn gives_probabilities(&self) -> bool {
        match self {
            Self::AttentionLstm(_) | Self::WideDeep(_) => true,
            Self::Prod2vec(_) | Self::Als(_) | Self::Cust2vec(_) => false,
        }
    }

    /// Whether it has a vector of every user that it was trained on.
    #[must_use]
    pub fn has_user_vectors(&self) -> bool {
        match self {
            Self::Als(_) | Self::Cust2vec(_) => true,
            Self::Prod2vec(_) | Self::AttentionLstm(_) | Self::WideDeep(_) => false,
        }
    }

    /// What it is trained on, one of them.
    #[must_use]
    pub fn example(&self) -> &'static str {
        match self {
            Self::Prod2vec(_) => "pair",
            Self::Als(_) => "count",
            Self::Cust2vec(_) => "item",
            Self::AttentionLstm(_) => "basket",
            Self::WideDeep(_) => "decision",
        }
    }

    /// The tables that it is trained on.
    #[must_use]
    pub fn tables(&self) -> &'static [&'static str] {
        match self {
            Self::Prod2vec(_) => &["vocab", "train_baskets"],
            Self::Als(_) => &["vocab", "counts"],
            Self::Cust2vec(_) | Self::AttentionLstm(_) => &["vocab", "sequences"],
            Self::WideDeep(_) => &["decision_items", "decision_users", "train_decisions"],
        }
    }
}

impl TrainSpec {
    pub(super) fn read(table: &Table<'_, '_>) -> Self {
        let expand = [("trainer", Expand::Trainer), ("executor", Expand::Executor)];
        Self {
            name: table.name("name").unwrap_or_default(),
            expand: table.choice("expand", &expand).unwrap_or_default(),
            model: ModelSpec::read(table),
            gate: Gate::read(table),
        }
    }
}

impl ModelSpec {
    /// The model decides which keys `params` may have, so of an unknown one's nothing is said.
    fn read(table: &Table<'_, '_>) -> Self {
        match table.choice("model", &MODELS) {
            Some(ALS) => {
                let params = table.table("params", &keys::ALS);
                Self::Als(params.map(|t| AlsParams::read(&t)).unwrap_or_default())
            }
            Some(CUST2VEC) => {
                let params = table.table("params", &keys::CUST2VEC);
                Self::Cust2vec(params.map(|t| Cust2vecParams::read(&t)).unwrap_or_default())
            }
            Some(ATTENTION_LSTM) => {
                let params = table.table("params", &keys::ATTENTION_LSTM);
                let params = params.map(|t| AttentionLstmParams::read(&t));
                Self::AttentionLstm(params.unwrap_or_default())
            }
            Some(WIDE_DEEP) => {
                let params = table.table("params", &keys::WIDE_DEEP);
                Self::WideDeep(params.map(|t| WideDeepParams::read(&t)).unwrap_or_default())
            }
            Some(_) => {
                let params = table.table("params", &keys::PROD2VEC);
                Self::Prod2vec(params.map(|t| Prod2vecParams::read(&t)).unwrap_or_default())
            }
            None => Self::Prod2vec(Prod2vecParams::default()),
        }
    }
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
    #[serde(default)]
    gate: Option<Gate>,
}

impl TryFrom<TrainJson> for TrainSpec {
    type Error = String;

    fn try_from(json: TrainJson) -> Result<Self, String> {
        let TrainJson {
            name,
            model,
            params,
            expand,
            gate,
        } = json;
        let model = serde_json::json!({ "model": model, "params": params });
        let model = serde_json::from_value(model).map_err(|e| e.to_string())?;
        Ok(Self {
            name,
            model,
            expand,
            gate,
        })
    }
}
