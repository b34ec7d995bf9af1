//! Answers as plain values. Wire → Rust, once; they serialise to what `pannier --json` prints.

use pannier_proto::wire;
use serde::Serialize;

/// A run that was accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Submitted {
    /// Id of the run.
    pub run_id: String,
    /// False where the key had started this run before.
    pub created: bool,
}

/// What a check of a spec against its data found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Validation {
    /// Errors as rendered for people; none where the spec is good.
    pub errors: Vec<String>,
    /// What was found out on the way, for example the number of raw files.
    pub facts: Vec<String>,
}

/// What a clean-up removed, or would remove.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Garbage {
    /// Paths below the warehouse.
    pub removed: Vec<String>,
    /// Bytes of all of them.
    pub bytes: u64,
}

/// Who the scheduler is and who works for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Info {
    /// Build id.
    pub build: String,
    /// Root of the warehouse: a path or a URL.
    pub warehouse: String,
    /// Executors that answer.
    pub executors: u32,
    /// Feeds that are served.
    pub feeds: u32,
    /// Trainers that are attached.
    pub trainers: u32,
    /// Jobs that the executors work on.
    pub jobs: u32,
}

/// An item and how near it is.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Neighbour {
    /// Raw id.
    pub item_id: String,
    /// Name; empty where the data has none.
    pub name: String,
    /// Cosine of the two vectors, `-1..=1`.
    pub cosine: f64,
}

/// The items nearest to one item in a model's space.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Similar {
    /// Model.
    pub model: String,
    /// Version that answered.
    pub version: u32,
    /// The item asked about, where the scheduler names it.
    pub item: Option<Neighbour>,
    /// Nearest first.
    pub similar: Vec<Neighbour>,
}

/// An item of a user's list.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RecommendedItem {
    /// Raw id.
    pub item_id: String,
    /// Name; the id where the data has none.
    pub name: String,
    /// The model's score.
    pub score: f64,
    /// Whether the user has bought it; none where nobody looked.
    pub bought: Option<bool>,
}

/// What a model recommends to a user.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Recommended {
    /// Model.
    pub model: String,
    /// Version that answered.
    pub version: u32,
    /// The model has not met the user: the items are those nearest to the items asked with, and without
    /// any the most bought ones.
    pub unknown: bool,
    /// Best first.
    pub items: Vec<RecommendedItem>,
    /// The run whose lists answered; none where the model did.
    pub listed_by: Option<String>,
    /// Scores are the probabilities of being bought.
    pub probabilities: bool,
}

/// Whom an offer is for.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Audience {
    /// Model.
    pub model: String,
    /// Version that answered.
    pub version: u32,
    /// Raw id of the item.
    pub item_id: String,
    /// Its name; the id where the data has none.
    pub name: String,
    /// The model has not met the item: what it says holds for any item of this price and category.
    pub unknown: bool,
    /// Price that was reckoned with, where the model knows prices.
    pub price: Option<f64>,
    /// Category that was reckoned with; empty where it is not known.
    pub category: String,
    /// Users that were scored.
    pub users: u64,
    /// Best first.
    pub audience: Vec<AudienceUser>,
}

/// A user of an audience.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AudienceUser {
    /// Raw id.
    pub user_id: String,
    /// That the user buys the item.
    pub probability: f64,
}

impl From<wire::AudienceResponse> for Audience {
    fn from(wire: wire::AudienceResponse) -> Self {
        let user = |user: wire::AudienceUser| AudienceUser {
            user_id: user.user_id,
            probability: user.probability,
        };
        Self {
            model: wire.model,
            version: wire.version,
            item_id: wire.item_id,
            name: wire.name,
            unknown: wire.unknown,
            price: wire.price,
            category: wire.category,
            users: wire.users,
            audience: wire.audience.into_iter().map(user).collect(),
        }
    }
}

impl From<wire::RecommendResponse> for Recommended {
    fn from(wire: wire::RecommendResponse) -> Self {
        let item = |item: wire::RecommendedItem| RecommendedItem {
            item_id: item.item_id,
            name: item.name,
            score: item.score,
            bought: item.bought,
        };
        Self {
            model: wire.model,
            version: wire.version,
            unknown: wire.unknown,
            items: wire.items.into_iter().map(item).collect(),
            listed_by: Some(wire.listed_by).filter(|run| !run.is_empty()),
            probabilities: wire.probabilities,
        }
    }
}

impl From<wire::SubmitResponse> for Submitted {
    fn from(wire: wire::SubmitResponse) -> Self {
        Self {
            run_id: wire.run_id,
            created: wire.created,
        }
    }
}

impl From<wire::ValidateResponse> for Validation {
    fn from(wire: wire::ValidateResponse) -> Self {
        Self {
            errors: wire.errors,
            facts: wire.facts,
        }
    }
}

impl From<wire::GcResponse> for Garbage {
    fn from(wire: wire::GcResponse) -> Self {
        Self {
            removed: wire.removed,
            bytes: wire.bytes,
        }
    }
}

impl From<wire::InfoResponse> for Info {
    fn from(wire: wire::InfoResponse) -> Self {
        let wire::InfoResponse {
            build,
            warehouse,
            executors,
            feeds,
            trainers,
            jobs,
        } = wire;
        Self {
            build,
            warehouse,
            executors,
            feeds,
            trainers,
            jobs,
        }
    }
}

impl From<wire::SimilarItem> for Neighbour {
    fn from(wire: wire::SimilarItem) -> Self {
        Self {
            item_id: wire.item_id,
            name: wire.name,
            cosine: wire.cosine,
        }
    }
}

impl From<wire::SimilarResponse> for Similar {
    fn from(wire: wire::SimilarResponse) -> Self {
        Self {
            model: wire.model,
            version: wire.version,
            item: wire.item.map(Into::into),
            similar: wire.similar.into_iter().map(Into::into).collect(),
        }
    }
}
