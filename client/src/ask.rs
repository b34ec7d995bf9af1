//! What models are asked, as plain values. Rust → wire, once.

use std::collections::BTreeMap;

use pannier_proto::wire;

/// Who asks for a list of items.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RecommendAsked {
    /// `name`, `name@3` or `name@champion`.
    pub model: String,
    /// The user's id.
    pub user_id: String,
    /// Items, by id or name, that speak for a user whom the model has not met.
    pub items: Vec<String>,
    /// What is known of the moment, by column, for models that decide in a context.
    pub context: BTreeMap<String, f64>,
    /// Items at most.
    pub top: u32,
    /// Leaves out what the user has bought, and `items`.
    pub new_only: bool,
}

/// An offer that asks whom it is for.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AudienceAsked {
    /// `name`, `name@3` or `name@champion`.
    pub model: String,
    /// The item, by id or name.
    pub item: String,
    /// Its price; the item's own unless given.
    pub price: Option<f64>,
    /// Its category; the item's own unless given.
    pub category: Option<String>,
    /// As of [`RecommendAsked`].
    pub context: BTreeMap<String, f64>,
    /// Users at most.
    pub top: u32,
}

/// Which lists are asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PredictAsked {
    /// `name`, `name@3` or `name@champion`.
    pub model: String,
    /// Items of a list; as the model's spec says unless given.
    pub top: Option<u32>,
    /// Leaves out what a user has bought; as the model's spec says unless given.
    pub new_only: Option<bool>,
    /// The same key twice is one run; an empty one is made up by the scheduler.
    pub key: String,
    /// Overrides of the spec's source and of what is prepared of it, `key=value`.
    pub sets: Vec<String>,
}

impl From<RecommendAsked> for wire::RecommendRequest {
    fn from(asked: RecommendAsked) -> Self {
        Self {
            model: asked.model,
            user_id: asked.user_id,
            top: asked.top,
            new_only: asked.new_only,
            items: asked.items,
            context: asked.context.into_iter().collect(),
        }
    }
}

impl From<AudienceAsked> for wire::AudienceRequest {
    fn from(asked: AudienceAsked) -> Self {
        Self {
            model: asked.model,
            item: asked.item,
            top: asked.top,
            price: asked.price,
            category: asked.category,
            context: asked.context.into_iter().collect(),
        }
    }
}

impl From<PredictAsked> for wire::PredictRequest {
    fn from(asked: PredictAsked) -> Self {
        Self {
            model: asked.model,
            top: asked.top.unwrap_or_default(),
            new_only: asked.new_only,
            key: asked.key,
            sets: asked.sets,
        }
    }
}
