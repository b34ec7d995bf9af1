//! Params of wide-and-deep.

use serde::{Deserialize, Serialize};
use toml::de::DeValue;

use super::{NeuralOptimizer, Schedule};
use crate::spec::reader::Table;

/// Hyperparameters of wide-and-deep (Cheng et al. 2016): whether a user buys an item that is offered, from
/// who and what it is and from the context of the decision.
///
/// Vectors of item, user and category, end to end, go through a linear layer (wide) and a stack of ReLU
/// layers (deep); both together go through one more ReLU layer, the context, normalised by batch, through
/// another, and the two of them give the logit, to which crosses add theirs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WideDeepParams {
    /// Length of the vector of an item, a user, a category, 1 to 1024; 16 unless given.
    pub embedding: u32,
    /// Units of the linear layer over the vectors, 1 to 1024; 32 unless given.
    pub wide: u32,
    /// Pairs of `item`, `user`, `category` and columns of the context of which each combination of values
    /// has a weight of its own in the logit; none unless given.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub crosses: Vec<[String; 2]>,
    /// Weights that the combinations of a pair share by a hash, 2 to 16777216; 65536 unless given.
    pub cross_buckets: u32,
    /// Units of each layer of the deep stack, 1 to 1024 each; 16, 16, 16 and 16 unless given.
    pub deep: Vec<u32>,
    /// Units of the layer in which both parts come together, 1 to 1024; 16 unless given.
    pub join: u32,
    /// Columns of the decisions that are their context, in this order; all there are unless given.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub context: Vec<String>,
    /// Units of the layer over the context, 1 to 1024; 16 unless given.
    pub context_units: u32,
    /// Share of the numbers of the wide layer and of each deep layer that is left out in training, 0 to
    /// below 1; 0.1 unless given.
    pub dropout: f64,
    /// What a decision weighs: `balanced`, by which all bought ones weigh as much as all others, or `none`;
    /// `balanced` unless given. Probabilities come out as if nothing had been weighed.
    pub class_weights: ClassWeights,
    /// Passes over the decisions, 1 to 1000; 3 unless given.
    pub epochs: u32,
    /// Decisions of a step, 1 to 1048576; 8192 unless given.
    pub batch: u32,
    /// `adam` or `adamw`; `adam` unless given. Of vectors and weights of crosses only those move that a
    /// batch has.
    pub optimizer: NeuralOptimizer,
    /// Learning rate after the warm-up, above 0; 0.001 unless given.
    pub learning_rate: f64,
    /// Steps in which the rate rises from 0 to that; 0 unless given.
    pub warmup_steps: u32,
    /// How the rate goes on: `constant`, `cosine`, which falls to 0 at the end, or `plateau`;
    /// `constant` unless given.
    pub schedule: Schedule,
    /// Of `plateau`: what the rate is multiplied with, above 0 and below 1; 0.5 unless given.
    pub plateau_factor: f64,
    /// Of `plateau`: epochs without a better `watch` before that, 1 to 1000; 2 unless given.
    pub plateau_patience: u32,
    /// Decay of weights, from 0 to 1; 0 unless given. By `adam` it is part of the gradient, by `adamw` apart
    /// from it. Biases, vectors and crosses do not decay.
    pub weight_decay: f64,
    /// Gradients are shortened to this length, all of them as one vector, 0 for never; 1 unless given.
    pub clip_norm: f64,
    /// What tells on the validation decisions which epoch is best: `auc`, `pr-auc`, `recall`, `precision`,
    /// `accuracy` or `loss`; `auc` unless given. Without validation decisions the last epoch is.
    pub watch: DecisionWatch,
    /// Epochs without a better `watch` before training ends, 0 for never; 5 unless given.
    pub patience: u32,
    /// Steps between two checkpoints, 0 for only those at the ends of epochs; 500 unless given.
    pub checkpoint_steps: u32,
}

/// What a decision weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClassWeights {
    /// n / (2 · nₛ) for its side s of all n decisions, bought or not.
    #[default]
    Balanced,
    /// As much as any other.
    None,
}

/// What tells which epoch is best.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DecisionWatch {
    /// Area under the ROC curve.
    #[default]
    Auc,
    /// Average precision.
    PrAuc,
    /// Share of what was bought that was foretold.
    Recall,
    /// Share of what was foretold that was bought.
    Precision,
    /// Share of the decisions that were foretold.
    Accuracy,
    /// The loss, weighted as in training; less is better.
    Loss,
}

impl Default for WideDeepParams {
    fn default() -> Self {
        Self {
            embedding: 16,
            wide: 32,
            crosses: Vec::new(),
            cross_buckets: 65_536,
            deep: vec![16; 4],
            join: 16,
            context: Vec::new(),
            context_units: 16,
            dropout: 0.1,
            class_weights: ClassWeights::Balanced,
            epochs: 3,
            batch: 8192,
            optimizer: NeuralOptimizer::Adam,
            learning_rate: 0.001,
            warmup_steps: 0,
            schedule: Schedule::Constant,
            plateau_factor: 0.5,
            plateau_patience: 2,
            weight_decay: 0.0,
            clip_norm: 1.0,
            watch: DecisionWatch::Auc,
            patience: 5,
            checkpoint_steps: 500,
        }
    }
}

impl WideDeepParams {
    /// What a cross may name besides columns of the context.
    pub const CROSSED: [&'static str; 3] = ["item", "user", "category"];

    pub(super) fn read(table: &Table<'_, '_>) -> Self {
        let default = Self::default();
        let whole = |key, range: std::ops::RangeInclusive<u32>, default| {
            table.integer(key, range).unwrap_or(default)
        };
        let units = |key, default| whole(key, 1..=1024, default);
        Self {
            embedding: units("embedding", default.embedding),
            wide: units("wide", default.wide),
            crosses: crosses(table).unwrap_or_default(),
            cross_buckets: whole("cross_buckets", 2..=1 << 24, default.cross_buckets),
            deep: table.integers("deep", 1..=1024).unwrap_or(default.deep),
            join: units("join", default.join),
            context: context(table).unwrap_or_default(),
            context_units: units("context_units", default.context_units),
            epochs: whole("epochs", 1..=1000, default.epochs),
            batch: whole("batch", 1..=1 << 20, default.batch),
            warmup_steps: whole("warmup_steps", 0..=u32::MAX, default.warmup_steps),
            plateau_patience: whole("plateau_patience", 1..=1000, default.plateau_patience),
            patience: whole("patience", 0..=u32::MAX, default.patience),
            checkpoint_steps: whole("checkpoint_steps", 0..=u32::MAX, default.checkpoint_steps),
            ..Self::numbers(table)
        }
    }

    /// What has a point, and what is chosen from words.
    fn numbers(table: &Table<'_, '_>) -> Self {
        let default = Self::default();
        let number = |key, range: &str, allowed: fn(f64) -> bool, default| {
            table.number(key, range, allowed).unwrap_or(default)
        };
        let below_one = |n: f64| (0.0..1.0).contains(&n);
        let inside = |n: f64| n > 0.0 && n < 1.0;
        let share = |n: f64| (0.0..=1.0).contains(&n);
        let rate = default.learning_rate;
        let factor = default.plateau_factor;
        Self {
            dropout: number("dropout", "from 0 to below 1", below_one, default.dropout),
            learning_rate: number("learning_rate", "above 0", |n| n > 0.0, rate),
            plateau_factor: number("plateau_factor", "above 0 and below 1", inside, factor),
            weight_decay: number("weight_decay", "from 0 to 1", share, default.weight_decay),
            clip_norm: number(
                "clip_norm",
                "of at least 0",
                |n| n >= 0.0,
                default.clip_norm,
            ),
            class_weights: table
                .choice("class_weights", &ClassWeights::ALL)
                .unwrap_or_default(),
            optimizer: table
                .choice("optimizer", &NeuralOptimizer::ALL)
                .unwrap_or_default(),
            schedule: table.choice("schedule", &Schedule::ALL).unwrap_or_default(),
            watch: table
                .choice("watch", &DecisionWatch::ALL)
                .unwrap_or_default(),
            ..default
        }
    }
}

impl ClassWeights {
    const ALL: [(&'static str, Self); 2] = [("balanced", Self::Balanced), ("none", Self::None)];
}

impl DecisionWatch {
    const ALL: [(&'static str, Self); 6] = [
        ("auc", Self::Auc),
        ("pr-auc", Self::PrAuc),
        ("recall", Self::Recall),
        ("precision", Self::Precision),
        ("accuracy", Self::Accuracy),
        ("loss", Self::Loss),
    ];
}

/// A name of a column, or of what stands beside the context.
fn named<'d>(value: &'d DeValue<'d>) -> Option<&'d str> {
    value.as_str().filter(|name| !name.trim().is_empty())
}

/// Columns, each once.
fn context(table: &Table<'_, '_>) -> Option<Vec<String>> {
    let names = table.list("context", "the name of a column", |v| {
        named(v).map(str::to_owned)
    })?;
    let twice = (1..names.len()).find(|at| names[..*at].contains(&names[*at]));
    if let Some(at) = twice {
        let message = format!("`context` has `{}` twice", names[at]);
        table.fault("context", message, "remove one".into());
    }
    Some(names)
}

/// Pairs of different names, each pair once.
fn crosses(table: &Table<'_, '_>) -> Option<Vec<[String; 2]>> {
    let pairs = table.list("crosses", "a list of two different names", |v| {
        let both: Vec<&str> = v
            .as_array()?
            .iter()
            .map(|name| named(name.get_ref()))
            .collect::<Option<_>>()?;
        let [first, second] = both[..] else {
            return None;
        };
        (first != second).then(|| [first.to_owned(), second.to_owned()])
    })?;
    let same = |a: &[String; 2], b: &[String; 2]| a == b || (a[0] == b[1] && a[1] == b[0]);
    let twice = (1..pairs.len()).find(|at| pairs[..*at].iter().any(|p| same(p, &pairs[*at])));
    if let Some(at) = twice {
        let [first, second] = &pairs[at];
        let message = format!("`crosses` has the pair of `{first}` and `{second}` twice");
        table.fault("crosses", message, "remove one".into());
    }
    Some(pairs)
}
