//! `[[baseline]]`: the simple predictors that every model is compared with, and their params. It must
//! not rank anything.
//!
//! In the formulas a user u has baskets `B_1` to `B_n`, the oldest first, each a set of items.

mod decision;
mod params;
mod study;

use serde::{Deserialize, Serialize};

use super::evaluate::Question;
use super::keys::{self, TableKeys};
use super::reader::Table;
pub use decision::{BoostedTreesParams, DecisionFeatures, LogisticParams};
pub use params::{
    Fill, ItemKnnParams, KnnOver, PersonalFrequencyParams, PopularityParams, TifuKnnParams,
    UpCfParams,
};
pub use study::BaselineStudy;
pub(super) use study::MOST;

/// A predictor that every model is compared with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "serde_json::Value")]
pub struct BaselineSpec {
    /// Its name in gates and reports, unique among baselines and models; the model's name unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Which predictor, with its params; the keys `model` and `params`.
    #[serde(flatten)]
    pub model: BaselineModel,
    /// Which of some params are best is found first; none unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub study: Option<Box<BaselineStudy>>,
}

/// The baselines there are, with their params. All break ties by popularity, then by the vocab's order.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "model", content = "params", rename_all = "kebab-case")]
pub enum BaselineModel {
    /// Items by the number of train baskets that hold them, and how lately; of a decision, by how often the
    /// item was bought in train decisions: (n₁ + 10 · m) / (n + 10), where it was bought in n₁ of n and m is
    /// the share of all train decisions that were.
    Popularity(PopularityParams),
    /// Items by how often they were in a basket with the query's items.
    CoOccurrence,
    /// A user's items by how often, and how lately, the user bought them.
    PersonalFrequency(PersonalFrequencyParams),
    /// The items of a user's newest basket by how often the user bought them, then all by popularity.
    LastBasket,
    /// Items by their similarity to the user's.
    ItemKnn(ItemKnnParams),
    /// A user's items, and those of similar users, by how often and how lately they were bought.
    TifuKnn(TifuKnnParams),
    /// What users with similar items bought lately.
    UpCf(UpCfParams),
    /// Logistic regression over a decision's features.
    Logistic(LogisticParams),
    /// Gradient-boosted trees over a decision's features.
    BoostedTrees(BoostedTreesParams),
}

const POPULARITY: &str = "popularity";
const CO_OCCURRENCE: &str = "co-occurrence";
const PERSONAL_FREQUENCY: &str = "personal-frequency";
const LAST_BASKET: &str = "last-basket";
const ITEM_KNN: &str = "item-knn";
const TIFU_KNN: &str = "tifu-knn";
const UP_CF: &str = "up-cf";
const LOGISTIC: &str = "logistic";
const BOOSTED_TREES: &str = "boosted-trees";

impl BaselineModel {
    /// Every baseline, with the params that it has unless others are given.
    pub const ALL: [Self; 9] = [
        Self::Popularity(PopularityParams::DEFAULT),
        Self::CoOccurrence,
        Self::PersonalFrequency(PersonalFrequencyParams::DEFAULT),
        Self::LastBasket,
        Self::ItemKnn(ItemKnnParams::DEFAULT),
        Self::TifuKnn(TifuKnnParams::DEFAULT),
        Self::UpCf(UpCfParams::DEFAULT),
        Self::Logistic(LogisticParams::DEFAULT),
        Self::BoostedTrees(BoostedTreesParams::DEFAULT),
    ];

    /// The baseline of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|m| m.name() == name)
    }

    /// Its name in a spec; in gates and reports too, unless the spec gives it another.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Popularity(_) => POPULARITY,
            Self::CoOccurrence => CO_OCCURRENCE,
            Self::PersonalFrequency(_) => PERSONAL_FREQUENCY,
            Self::LastBasket => LAST_BASKET,
            Self::ItemKnn(_) => ITEM_KNN,
            Self::TifuKnn(_) => TIFU_KNN,
            Self::UpCf(_) => UP_CF,
            Self::Logistic(_) => LOGISTIC,
            Self::BoostedTrees(_) => BOOSTED_TREES,
        }
    }

    /// Whether it has an answer to a question.
    #[must_use]
    pub fn answers(self, question: Question) -> bool {
        match self {
            Self::Popularity(params) => question == Question::User || params.decay >= 1.0,
            Self::CoOccurrence => question == Question::Basket,
            Self::PersonalFrequency(_)
            | Self::LastBasket
            | Self::ItemKnn(_)
            | Self::TifuKnn(_)
            | Self::UpCf(_) => question == Question::User,
            Self::Logistic(_) | Self::BoostedTrees(_) => question == Question::Decision,
        }
    }

    /// Whether it learns from what all users bought, basket by basket.
    #[must_use]
    pub fn learns(self) -> bool {
        match self {
            Self::Popularity(params) => params.decay < 1.0,
            Self::ItemKnn(_) | Self::TifuKnn(_) | Self::UpCf(_) => true,
            Self::CoOccurrence
            | Self::PersonalFrequency(_)
            | Self::LastBasket
            | Self::Logistic(_)
            | Self::BoostedTrees(_) => false,
        }
    }

    /// Whether a query must come with the user's baskets in their order, not with counts alone.
    #[must_use]
    pub fn needs_history(self) -> bool {
        match self {
            Self::Popularity(_)
            | Self::CoOccurrence
            | Self::Logistic(_)
            | Self::BoostedTrees(_) => false,
            Self::PersonalFrequency(params) => params.decay < 1.0,
            Self::LastBasket => true,
            Self::ItemKnn(params) => params.decay < 1.0,
            Self::TifuKnn(_) | Self::UpCf(_) => true,
        }
    }

    /// The keys of its params, where it has any.
    fn keys(self) -> Option<&'static TableKeys> {
        match self {
            Self::CoOccurrence | Self::LastBasket => None,
            Self::Popularity(_) => Some(&keys::POPULARITY),
            Self::PersonalFrequency(_) => Some(&keys::PERSONAL_FREQUENCY),
            Self::ItemKnn(_) => Some(&keys::ITEM_KNN),
            Self::TifuKnn(_) => Some(&keys::TIFU_KNN),
            Self::UpCf(_) => Some(&keys::UP_CF),
            Self::Logistic(_) => Some(&keys::LOGISTIC),
            Self::BoostedTrees(_) => Some(&keys::BOOSTED_TREES),
        }
    }

    /// The keys of its study, where it can have one.
    fn study_keys(self) -> Option<&'static TableKeys> {
        match self {
            Self::CoOccurrence | Self::LastBasket | Self::Logistic(_) | Self::BoostedTrees(_) => {
                None
            }
            Self::Popularity(_) => Some(&keys::POPULARITY_STUDY),
            Self::PersonalFrequency(_) => Some(&keys::PERSONAL_FREQUENCY_STUDY),
            Self::ItemKnn(_) => Some(&keys::ITEM_KNN_STUDY),
            Self::TifuKnn(_) => Some(&keys::TIFU_KNN_STUDY),
            Self::UpCf(_) => Some(&keys::UP_CF_STUDY),
        }
    }

    fn read_params(self, params: &Table<'_, '_>) -> Self {
        match self {
            Self::CoOccurrence | Self::LastBasket => self,
            Self::Popularity(_) => Self::Popularity(PopularityParams::read(params)),
            Self::PersonalFrequency(_) => {
                Self::PersonalFrequency(PersonalFrequencyParams::read(params))
            }
            Self::ItemKnn(_) => Self::ItemKnn(ItemKnnParams::read(params)),
            Self::TifuKnn(_) => Self::TifuKnn(TifuKnnParams::read(params)),
            Self::UpCf(_) => Self::UpCf(UpCfParams::read(params)),
            Self::Logistic(_) => Self::Logistic(LogisticParams::read(params)),
            Self::BoostedTrees(_) => Self::BoostedTrees(BoostedTreesParams::read(params)),
        }
    }
}

impl From<BaselineModel> for BaselineSpec {
    fn from(model: BaselineModel) -> Self {
        Self {
            name: None,
            model,
            study: None,
        }
    }
}

impl BaselineSpec {
    /// Its name in gates and reports.
    #[must_use]
    pub fn name(&self) -> &str {
        self.name.as_deref().unwrap_or_else(|| self.model.name())
    }

    /// Whether it has an answer to a question; what a study finds is for users.
    #[must_use]
    pub fn answers(&self, question: Question) -> bool {
        let studied = self.study.is_some();
        self.model.answers(question) && (question == Question::User || !studied)
    }

    /// Whether it reads the users' sequences: to learn from them, or to be judged by them.
    #[must_use]
    pub fn reads_sequences(&self) -> bool {
        self.study.is_some() || self.model.learns()
    }

    /// The model decides which keys `params` and `study` may have, so of an unknown one's nothing is
    /// said.
    pub(super) fn read(table: &Table<'_, '_>) -> Self {
        let models = BaselineModel::ALL.map(|m| (m.name(), m));
        let name = table.name("name");
        let Some(model) = table.choice("model", &models) else {
            return Self {
                name,
                ..BaselineModel::Popularity(PopularityParams::DEFAULT).into()
            };
        };
        let of = |key: &str, keys: Option<&'static TableKeys>| {
            if keys.is_none() {
                let lacks = if key == "study" && model.keys().is_some() {
                    "study"
                } else {
                    "params"
                };
                let why = format!("has no meaning: {} has no {lacks}", model.name());
                table.refuse(key, &why, "remove it");
            }
            table.table(key, keys?)
        };
        let params = of("params", model.keys());
        let study = of("study", model.study_keys());
        Self {
            name,
            model: params.map_or(model, |t| model.read_params(&t)),
            study: study.map(|t| Box::new(BaselineStudy::read(model, &t))),
        }
    }
}

/// [`BaselineSpec`] as JSON has it: which params there are depends on the model.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BaselineJson {
    #[serde(default)]
    name: Option<String>,
    model: String,
    #[serde(default)]
    params: Option<serde_json::Value>,
    #[serde(default)]
    study: Option<Box<BaselineStudy>>,
}

impl TryFrom<serde_json::Value> for BaselineSpec {
    type Error = String;

    /// A word alone is a model with its default params: so they were written when none had any.
    fn try_from(json: serde_json::Value) -> Result<Self, String> {
        let known = |name: &str| {
            let unknown = || format!("there is no baseline {name}");
            BaselineModel::from_name(name).ok_or_else(unknown)
        };
        if let Some(name) = json.as_str() {
            return Ok(known(name)?.into());
        }
        let json: BaselineJson = serde_json::from_value(json).map_err(|e| e.to_string())?;
        let model = match json.params {
            None => known(&json.model)?,
            Some(params) => {
                let model = serde_json::json!({ "model": json.model, "params": params });
                serde_json::from_value(model).map_err(|e| e.to_string())?
            }
        };
        Ok(Self {
            name: json.name,
            model,
            study: json.study,
        })
    }
}
