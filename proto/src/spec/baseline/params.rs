//! Params of the baselines, each with its formula.

use serde::{Deserialize, Serialize};

use super::super::reader::Table;

/// A weight of what is older, that of the newest being 1.
pub(super) const DECAY: &str = "above 0 and at most 1";

pub(super) fn is_decay(value: f64) -> bool {
    value > 0.0 && value <= 1.0
}

/// From nothing to all.
pub(super) const SHARE: &str = "from 0 to 1";

pub(super) fn is_share(value: f64) -> bool {
    (0.0..=1.0).contains(&value)
}

/// Largest number of neighbours.
pub(super) const NEIGHBOURS: u32 = 100_000;

/// Params of popularity: score(i) = Σ over train baskets b that hold i of decay^(days from b to the newest
/// train basket of all), by calendar days, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PopularityParams {
    /// Weight of a basket by that of one of the next day, above 0 and at most 1; 1 unless given: then it
    /// is how many train baskets hold the item. Below 1 only baskets of known users count, which have
    /// sequences, and only users are ranked for.
    pub decay: f64,
}

impl PopularityParams {
    /// What holds unless other params are given.
    pub const DEFAULT: Self = Self { decay: 1.0 };

    pub(super) fn read(table: &Table<'_, '_>) -> Self {
        let decay = table.number("decay", DECAY, is_decay);
        Self {
            decay: decay.unwrap_or(Self::DEFAULT.decay),
        }
    }
}

impl Default for PopularityParams {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// Params of personal frequency: score(i) = Σ over baskets b that hold i of decay^(n - b).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PersonalFrequencyParams {
    /// Weight of a basket by that of the next newer one, above 0 and at most 1; 1 unless given: then it
    /// is how many baskets held the item.
    pub decay: f64,
    /// What comes after the user's own items: `popularity` or `none`; `popularity` unless given.
    pub fill: Fill,
}

/// What comes after a user's own items.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fill {
    /// All others by popularity.
    #[default]
    Popularity,
    /// Nothing: the list is shorter.
    None,
}

impl Fill {
    pub(super) const ALL: [(&'static str, Self); 2] =
        [("popularity", Self::Popularity), ("none", Self::None)];

    /// Its name in a spec.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Popularity => "popularity",
            Self::None => "none",
        }
    }
}

impl PersonalFrequencyParams {
    /// What holds unless other params are given.
    pub const DEFAULT: Self = Self {
        decay: 1.0,
        fill: Fill::Popularity,
    };

    pub(super) fn read(table: &Table<'_, '_>) -> Self {
        let default = Self::DEFAULT;
        let decay = table.number("decay", DECAY, is_decay);
        Self {
            decay: decay.unwrap_or(default.decay),
            fill: table.choice("fill", &Fill::ALL).unwrap_or(default.fill),
        }
    }
}

impl Default for PersonalFrequencyParams {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// Params of item-kNN: score(j) = Σ over the user's items i of w(i) · sim(i, j), where w(i) is the user's
/// personal frequency of i with `decay`, and sim(i, j) = |A(i) ∩ A(j)| / (√(|A(i)| · |A(j)|) + shrink) for
/// A(i) the train baskets, or users, that have i (cosine; Sarwar et al. 2001; Deshpande and Karypis 2004).
/// For each i only its most similar j count, and i itself, whose similarity is |A(i)| / (|A(i)| + shrink).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ItemKnnParams {
    /// What items have in common: `baskets` or `users`; `baskets` unless given.
    pub over: KnnOver,
    /// Most similar items that count, besides the item itself, 1 to 100000; 5 unless given.
    pub neighbours: u32,
    /// Added to the denominator, so that rare items weigh less, at least 0; 10 unless given.
    pub shrink: f64,
    /// Weight of a basket by that of the next newer one, above 0 and at most 1; 0.95 unless given.
    pub decay: f64,
}

/// What items have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KnnOver {
    /// Train baskets that hold both.
    #[default]
    Baskets,
    /// Users who bought both.
    Users,
}

impl KnnOver {
    pub(super) const ALL: [(&'static str, Self); 2] =
        [("baskets", Self::Baskets), ("users", Self::Users)];

    /// Its name in a spec.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Baskets => "baskets",
            Self::Users => "users",
        }
    }
}

impl ItemKnnParams {
    /// What holds unless other params are given.
    pub const DEFAULT: Self = Self {
        over: KnnOver::Baskets,
        neighbours: 5,
        shrink: 10.0,
        decay: 0.95,
    };

    pub(super) fn read(table: &Table<'_, '_>) -> Self {
        let default = Self::DEFAULT;
        let neighbours = table.integer("neighbours", 1..=NEIGHBOURS);
        let shrink = table.number("shrink", "of at least 0", |n| n >= 0.0);
        let decay = table.number("decay", DECAY, is_decay);
        Self {
            over: table.choice("over", &KnnOver::ALL).unwrap_or(default.over),
            neighbours: neighbours.unwrap_or(default.neighbours),
            shrink: shrink.unwrap_or(default.shrink),
            decay: decay.unwrap_or(default.decay),
        }
    }
}

impl Default for ItemKnnParams {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// Params of TIFU-KNN (Hu, He, Gao and Zhang 2020, "Modeling Personalized Item Frequency Information for
/// Next-basket Recommendation", SIGIR).
///
/// A user's n baskets are cut in their order into m = min(`groups`, n) groups `G_1` to `G_m`. Where they do
/// not divide evenly, the newest n mod m groups hold one basket more, as in the authors' code. With τ the
/// baskets of a group:
///
/// v(`G_g`) = 1/τ · Σ over its baskets t = 1 to τ of `within_decay`^(τ - t) · basket t
///
/// u = 1/m · Σ over g = 1 to m of `group_decay`^(m - g) · v(`G_g`)
///
/// The neighbours are the users of the training whose vectors are nearest by Euclidean distance, and
/// score = `alpha` · u + (1 - `alpha`) · mean of the neighbours' vectors.
///
/// That is the paper's formula; the authors' code counts the decay inside a group from the newest basket
/// of all, and that of the groups of a user with fewer baskets than groups from `groups`.
///
/// What holds unless given was near the best on validation baskets of two grocers; it was published with
/// 7 groups, decays of 0.9 and 0.7, 300 neighbours and alpha 0.7. A study finds what a source needs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TifuKnnParams {
    /// Groups that a user's baskets are cut into, 1 to 1000; 1 unless given.
    pub groups: u32,
    /// Weight of a basket by that of the next newer one of its group, above 0 and at most 1; 0.95 unless
    /// given.
    pub within_decay: f64,
    /// Weight of a group by that of the next newer one, above 0 and at most 1; 0.9 unless given.
    pub group_decay: f64,
    /// Users whose vectors are averaged, 1 to 100000; 100 unless given.
    pub neighbours: u32,
    /// Share of the user's own vector, 0 to 1; 0.3 unless given.
    pub alpha: f64,
}

impl TifuKnnParams {
    /// What holds unless other params are given.
    pub const DEFAULT: Self = Self {
        groups: 1,
        within_decay: 0.95,
        group_decay: 0.9,
        neighbours: 100,
        alpha: 0.3,
    };

    pub(super) fn read(table: &Table<'_, '_>) -> Self {
        let default = Self::DEFAULT;
        let decay = |key| table.number(key, DECAY, is_decay);
        let groups = table.integer("groups", 1..=1000);
        let neighbours = table.integer("neighbours", 1..=NEIGHBOURS);
        let alpha = table.number("alpha", SHARE, is_share);
        Self {
            groups: groups.unwrap_or(default.groups),
            within_decay: decay("within_decay").unwrap_or(default.within_decay),
            group_decay: decay("group_decay").unwrap_or(default.group_decay),
            neighbours: neighbours.unwrap_or(default.neighbours),
            alpha: alpha.unwrap_or(default.alpha),
        }
    }
}

impl Default for TifuKnnParams {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// Params of UP-CF@r (Faggioli, Polato and Aiolli 2020, "Recency Aware Collaborative Filtering for Next
/// Basket Recommendation", UMAP).
///
/// p(u, i), the popularity of i with u, is the share of u's newest min(`recency`, n) baskets that hold i.
/// With I(u) all items of u, users are as similar as their items, by the asymmetric cosine:
///
/// w(u, v) = |I(u) ∩ I(v)| / (|I(u)|^`asymmetry` · |I(v)|^(1 - `asymmetry`))
///
/// score(u, i) = p(u, i) + Σ over the most similar other users v of w(u, v)^`locality` · p(v, i)
///
/// A user is its own neighbour, with w = 1, besides those counted by `neighbours`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct UpCfParams {
    /// Newest baskets that count, 1 to 10000, or 0 for all; 20 unless given.
    pub recency: u32,
    /// Share of the user's own number of items in the denominator, 0 to 1; 0.75 unless given. Near 0,
    /// whoever bought one thing is most similar to all who bought it, and few users decide for all.
    pub asymmetry: f64,
    /// Power of a similarity: the higher, the less count those farther away; above 0; 5 unless given.
    pub locality: f64,
    /// Users, 1 to 100000; 100 unless given.
    pub neighbours: u32,
}

impl UpCfParams {
    /// What holds unless other params are given.
    pub const DEFAULT: Self = Self {
        recency: 20,
        asymmetry: 0.75,
        locality: 5.0,
        neighbours: 100,
    };

    pub(super) fn read(table: &Table<'_, '_>) -> Self {
        let default = Self::DEFAULT;
        let asymmetry = table.number("asymmetry", SHARE, is_share);
        let locality = table.number("locality", "above 0", |n| n > 0.0);
        let neighbours = table.integer("neighbours", 1..=NEIGHBOURS);
        Self {
            recency: table
                .integer("recency", 0..=10_000)
                .unwrap_or(default.recency),
            asymmetry: asymmetry.unwrap_or(default.asymmetry),
            locality: locality.unwrap_or(default.locality),
            neighbours: neighbours.unwrap_or(default.neighbours),
        }
    }
}

impl Default for UpCfParams {
    fn default() -> Self {
        Self::DEFAULT
    }
}
