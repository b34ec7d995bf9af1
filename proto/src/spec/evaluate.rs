//! `[[baseline]]` and `[evaluate]`: what a model is compared with, and on what. It must not measure
//! anything.

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
}

/// A predictor that every model is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BaselineSpec {
    /// Which predictor; each at most once.
    pub model: BaselineModel,
}

/// The baselines there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BaselineModel {
    /// Items by the number of train baskets that hold them.
    Popularity,
    /// Items by how often they were in a basket with the query's items.
    CoOccurrence,
    /// A user's items by how often the user bought them, then all by popularity.
    PersonalFrequency,
}

impl BaselineModel {
    /// Every baseline.
    pub const ALL: [Self; 3] = [
        Self::Popularity,
        Self::CoOccurrence,
        Self::PersonalFrequency,
    ];

    /// The baseline of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|m| m.name() == name)
    }

    /// Its name in a spec, in gates and in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Popularity => "popularity",
            Self::CoOccurrence => "co-occurrence",
            Self::PersonalFrequency => "personal-frequency",
        }
    }

    /// Whether it has an answer to a question.
    #[must_use]
    pub fn answers(self, question: Question) -> bool {
        match self {
            Self::Popularity => true,
            Self::CoOccurrence => question == Question::Basket,
            Self::PersonalFrequency => question == Question::User,
        }
    }
}

/// How models and baselines are evaluated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EvaluateSpec {
    /// The K of `hit_rate@K` and the like, each 1 to 100; 10 and 20 unless given.
    pub k: Vec<u32>,
    /// Held-out baskets, and users, that are sampled, at least 1; 10000 unless given.
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

impl BaselineSpec {
    pub(super) fn read(table: &Table<'_, '_>) -> Self {
        let models = BaselineModel::ALL.map(|m| (m.name(), m));
        Self {
            model: table
                .choice("model", &models)
                .unwrap_or(BaselineModel::Popularity),
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
