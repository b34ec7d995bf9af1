//! Params of the attention LSTM.

use serde::{Deserialize, Serialize};

use crate::spec::reader::Table;

/// Hyperparameters of the attention LSTM: a user's next basket from the baskets before it. Vectors of
/// items, their mean over each basket, an LSTM over the baskets in both directions, attention, and a
/// probability for every item.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AttentionLstmParams {
    /// Length of an item's vector, 8 to 1024; 64 unless given.
    pub embedding: u32,
    /// Units of the LSTM in each direction, 16 to 1024 and a multiple of 16; 128 unless given.
    pub hidden: u32,
    /// Units that attention's scores are made with, 8 to 1024; 64 unless given.
    pub attention: u32,
    /// Passes over the users, 1 to 1000; 10 unless given. Each takes another basket of a user as the
    /// next one.
    pub epochs: u32,
    /// Users of a step, 1 to 65536; 64 unless given.
    pub batch: u32,
    /// `adam` or `adamw`; `adam` unless given.
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
    /// from it. Biases and the items' vectors do not decay.
    pub weight_decay: f64,
    /// Gradients are shortened to this length, all of them as one vector, 0 for never; 1 unless given.
    pub clip_norm: f64,
    /// Share of a basket's and of a user's vector that is left out in training, the same numbers of all
    /// baskets of a user, 0 to below 1; 0.2 unless given.
    pub dropout: f64,
    /// Share of the LSTM's state that does not enter the next step in training, 0 to below 1; 0.2
    /// unless given.
    pub recurrent_dropout: f64,
    /// Baskets of a history at most, the newest, 0 for all; 80 unless given.
    pub max_history: u32,
    /// Items of a basket of the history at most, the most popular, 1 to 65536; 256 unless given.
    pub max_basket: u32,
    /// Units by which a user's own items, how often and how lately they were bought, have a say of their
    /// own in whether they are bought again, 0 to 256, 0 for the plain model; 16 unless given.
    pub repeat_units: u32,
    /// Layers of that network, 1 or 2; 1 unless given.
    pub repeat_layers: u32,
    /// Users nearest to a user by what they bought, whose baskets have a say in the same way, 0 to 10000, 0
    /// for none; 0 unless given. Users are compared as by [TIFU-KNN](super::super::TifuKnnParams).
    pub neighbours: u32,
    /// Of neighbours: items that the user never bought which they have a say in besides the user's own,
    /// those that they bought most, 0 to 10000; 50 unless given.
    pub candidates: u32,
    /// Of neighbours: groups that a user's baskets are cut into, 1 to 1000; 1 unless given.
    pub groups: u32,
    /// Of neighbours: weight of a basket by that of the next newer one of its group, above 0 and at most
    /// 1; 0.95 unless given.
    pub within_decay: f64,
    /// Of neighbours: weight of a group by that of the next newer one, above 0 and at most 1; 0.9 unless
    /// given.
    pub group_decay: f64,
    /// What is minimised: `bce`, binary cross-entropy over all items; `balanced-bce`, by which an item's few
    /// purchases weigh as much as its many absences; or `softmax`, the cross-entropy of shares of all items
    /// together, which is made for lists: a purchase counts for what it can add to its basket's nDCG@`k`;
    /// `bce` unless given.
    pub loss: BasketLoss,
    /// What tells on the validation baskets which epoch is best: `loss`, `recall`, `precision` or `ndcg`;
    /// `ndcg` unless given. Without validation baskets the last epoch is.
    pub watch: Watch,
    /// Places of the lists that this is measured by, 1 to 1000; 10 unless given.
    pub k: u32,
    /// Epochs without a better `watch` before training ends, 0 for never; 5 unless given.
    pub patience: u32,
    /// Steps between two checkpoints, 0 for only those at the ends of epochs; 500 unless given.
    pub checkpoint_steps: u32,
}

/// How gradients become steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NeuralOptimizer {
    /// Kingma and Ba 2015.
    #[default]
    Adam,
    /// With decay apart from the gradient (Loshchilov and Hutter 2019).
    AdamW,
}

impl NeuralOptimizer {
    pub(super) const ALL: [(&'static str, Self); 2] =
        [("adam", Self::Adam), ("adamw", Self::AdamW)];
}

/// How the learning rate goes on after the warm-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Schedule {
    /// As it is.
    #[default]
    Constant,
    /// Down to 0 at the last step, along a cosine.
    Cosine,
    /// Smaller after epochs that brought nothing.
    Plateau,
}

impl Schedule {
    pub(super) const ALL: [(&'static str, Self); 3] = [
        ("constant", Self::Constant),
        ("cosine", Self::Cosine),
        ("plateau", Self::Plateau),
    ];
}

/// What is minimised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BasketLoss {
    /// Binary cross-entropy.
    #[default]
    Bce,
    /// The same, each item weighted by n / (2 · nₛ) for its side s of all n examples.
    BalancedBce,
    /// Cross-entropy of a softmax over the catalogue, of a basket's items alike, each weighing 1 / ideal
    /// DCG@k of the basket: it bounds nDCG (Bruch et al. 2019, "An Analysis of the Softmax Cross Entropy Loss
    /// for Learning-to-Rank with Binary Relevance"). An item's probability is its share times the mean size
    /// of the user's baskets.
    Softmax,
}

/// What tells which epoch is best.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Watch {
    /// The loss; less is better.
    Loss,
    /// Share of a basket's items that are among the first k.
    Recall,
    /// Share of the first k that are in the basket.
    Precision,
    /// The same with a discount by place (Järvelin and Kekäläinen 2002).
    #[default]
    Ndcg,
}

impl Default for AttentionLstmParams {
    fn default() -> Self {
        Self {
            embedding: 64,
            hidden: 128,
            attention: 64,
            epochs: 10,
            batch: 64,
            optimizer: NeuralOptimizer::Adam,
            learning_rate: 0.001,
            warmup_steps: 0,
            schedule: Schedule::Constant,
            plateau_factor: 0.5,
            plateau_patience: 2,
            weight_decay: 0.0,
            clip_norm: 1.0,
            dropout: 0.2,
            recurrent_dropout: 0.2,
            max_history: 80,
            max_basket: 256,
            repeat_units: 16,
            repeat_layers: 1,
            neighbours: 0,
            candidates: 50,
            groups: 1,
            within_decay: 0.95,
            group_decay: 0.9,
            loss: BasketLoss::Bce,
            watch: Watch::Ndcg,
            k: 10,
            patience: 5,
            checkpoint_steps: 500,
        }
    }
}

impl AttentionLstmParams {
    pub(super) fn read(table: &Table<'_, '_>) -> Self {
        let default = Self::default();
        let whole = |key, range: std::ops::RangeInclusive<u32>, default| {
            table.integer(key, range).unwrap_or(default)
        };
        let number = |key, range: &str, allowed: fn(f64) -> bool, default| {
            table.number(key, range, allowed).unwrap_or(default)
        };
        let share = |key, default| {
            number(
                key,
                "from 0 to below 1",
                |n| (0.0..1.0).contains(&n),
                default,
            )
        };
        let decay = |key, default| {
            let allowed = |n| n > 0.0 && n <= 1.0;
            number(key, "above 0 and at most 1", allowed, default)
        };
        Self {
            embedding: whole("embedding", 8..=1024, default.embedding),
            hidden: hidden(table).unwrap_or(default.hidden),
            attention: whole("attention", 8..=1024, default.attention),
            epochs: whole("epochs", 1..=1000, default.epochs),
            batch: whole("batch", 1..=65536, default.batch),
            learning_rate: number(
                "learning_rate",
                "above 0",
                |n| n > 0.0,
                default.learning_rate,
            ),
            warmup_steps: whole("warmup_steps", 0..=u32::MAX, default.warmup_steps),
            plateau_factor: number(
                "plateau_factor",
                "above 0 and below 1",
                |n| n > 0.0 && n < 1.0,
                default.plateau_factor,
            ),
            plateau_patience: whole("plateau_patience", 1..=1000, default.plateau_patience),
            weight_decay: number(
                "weight_decay",
                "from 0 to 1",
                |n| (0.0..=1.0).contains(&n),
                default.weight_decay,
            ),
            clip_norm: number(
                "clip_norm",
                "of at least 0",
                |n| n >= 0.0,
                default.clip_norm,
            ),
            dropout: share("dropout", default.dropout),
            recurrent_dropout: share("recurrent_dropout", default.recurrent_dropout),
            max_history: whole("max_history", 0..=u32::MAX, default.max_history),
            max_basket: whole("max_basket", 1..=65536, default.max_basket),
            repeat_units: whole("repeat_units", 0..=256, default.repeat_units),
            repeat_layers: whole("repeat_layers", 1..=2, default.repeat_layers),
            neighbours: neighbours(table).unwrap_or(default.neighbours),
            candidates: whole("candidates", 0..=10_000, default.candidates),
            groups: whole("groups", 1..=1000, default.groups),
            within_decay: decay("within_decay", default.within_decay),
            group_decay: decay("group_decay", default.group_decay),
            k: whole("k", 1..=1000, default.k),
            patience: whole("patience", 0..=u32::MAX, default.patience),
            checkpoint_steps: whole("checkpoint_steps", 0..=u32::MAX, default.checkpoint_steps),
            ..Self::words(table)
        }
    }

    /// What is chosen from words.
    fn words(table: &Table<'_, '_>) -> Self {
        let losses = [
            ("bce", BasketLoss::Bce),
            ("balanced-bce", BasketLoss::BalancedBce),
            ("softmax", BasketLoss::Softmax),
        ];
        let watched = [
            ("loss", Watch::Loss),
            ("recall", Watch::Recall),
            ("precision", Watch::Precision),
            ("ndcg", Watch::Ndcg),
        ];
        Self {
            optimizer: table
                .choice("optimizer", &NeuralOptimizer::ALL)
                .unwrap_or_default(),
            schedule: table.choice("schedule", &Schedule::ALL).unwrap_or_default(),
            loss: table.choice("loss", &losses).unwrap_or_default(),
            watch: table.choice("watch", &watched).unwrap_or_default(),
            ..Self::default()
        }
    }
}

/// Units: whole vectors of sixteen.
fn hidden(table: &Table<'_, '_>) -> Option<u32> {
    let hidden: u32 = table.integer("hidden", 16..=1024)?;
    if !hidden.is_multiple_of(16) {
        let near = (hidden + 8) / 16 * 16;
        let message = format!("`hidden` is {hidden}, which is no multiple of 16");
        table.fault("hidden", message, format!("take {near}"));
    }
    Some(hidden)
}

/// Neighbours, and whether what is said of them has a meaning.
fn neighbours(table: &Table<'_, '_>) -> Option<u32> {
    let neighbours = table.integer("neighbours", 0..=10_000);
    let units: Option<u32> = table.integer("repeat_units", 0..=256);
    if units == Some(0) {
        let why = "has no meaning in the plain model";
        table.refuse("repeat_layers", why, "remove it, or repeat_units = 0");
        if neighbours.unwrap_or(0) > 0 {
            table.refuse("neighbours", why, "remove it, or repeat_units = 0");
        }
    }
    if neighbours.unwrap_or(0) == 0 {
        for key in ["candidates", "groups", "within_decay", "group_decay"] {
            let why = "has no meaning without neighbours";
            table.refuse(key, why, "remove it, or give `neighbours`");
        }
    }
    neighbours
}
