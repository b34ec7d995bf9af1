//! The study of a baseline: which params are tried.

use serde::{Deserialize, Serialize};

use super::super::reader::Table;
use super::super::value::one_of;
use super::params::{DECAY, NEIGHBOURS, SHARE, is_decay, is_share};
use super::{BaselineModel, BaselineSpec, Fill, KnnOver};
use crate::feed::mix;

/// Combinations of params that are judged on the validation users by nDCG. A list holds values of the
/// param of its name; of a param without one, that of `params` stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BaselineStudy {
    /// Places of a list that is judged, 1 to 100; 10 unless given.
    pub k: u32,
    /// Combinations tried, 1 to 10000; where there are more, so many of them are drawn by the seed; 100
    /// unless given.
    pub trials: u32,
    /// Values of `decay`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub decay: Vec<f64>,
    /// Values of `fill`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fill: Vec<Fill>,
    /// Values of `over`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub over: Vec<KnnOver>,
    /// Values of `shrink`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub shrink: Vec<f64>,
    /// Values of `groups`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<u32>,
    /// Values of `within_decay`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub within_decay: Vec<f64>,
    /// Values of `group_decay`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub group_decay: Vec<f64>,
    /// Values of `recency`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub recency: Vec<u32>,
    /// Values of `asymmetry`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub asymmetry: Vec<f64>,
    /// Values of `locality`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub locality: Vec<f64>,
    /// Values of `neighbours`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub neighbours: Vec<u32>,
    /// Values of `alpha`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub alpha: Vec<f64>,
}

impl Default for BaselineStudy {
    fn default() -> Self {
        Self {
            k: 10,
            trials: 100,
            decay: Vec::new(),
            fill: Vec::new(),
            over: Vec::new(),
            shrink: Vec::new(),
            groups: Vec::new(),
            within_decay: Vec::new(),
            group_decay: Vec::new(),
            recency: Vec::new(),
            asymmetry: Vec::new(),
            locality: Vec::new(),
            neighbours: Vec::new(),
            alpha: Vec::new(),
        }
    }
}

/// Combinations of a grid at most; more are a slip.
pub(in super::super) const MOST: u64 = 1_000_000;

/// A list of a grid: how many values it has, and how one is put into params.
struct Axis<'a> {
    values: usize,
    set: Setter<'a>,
}

/// Puts the value of a place into params.
type Setter<'a> = Box<dyn Fn(&mut BaselineModel, usize) + 'a>;

/// `set` does nothing to a model without the param.
fn axis<'a, T: Copy>(values: &'a [T], set: impl Fn(&mut BaselineModel, T) + 'a) -> Axis<'a> {
    Axis {
        values: values.len(),
        set: Box::new(move |model, at| set(model, values[at])),
    }
}

impl BaselineStudy {
    /// The lists that have values, the slowest first: trials that share most of the work are near.
    fn axes(&self) -> Vec<Axis<'_>> {
        use BaselineModel::{ItemKnn, PersonalFrequency, Popularity, TifuKnn, UpCf};
        let all = vec![
            axis(&self.fill, |model, v| {
                if let PersonalFrequency(p) = model {
                    p.fill = v;
                }
            }),
            axis(&self.over, |model, v| {
                if let ItemKnn(p) = model {
                    p.over = v;
                }
            }),
            axis(&self.shrink, |model, v| {
                if let ItemKnn(p) = model {
                    p.shrink = v;
                }
            }),
            axis(&self.groups, |model, v| {
                if let TifuKnn(p) = model {
                    p.groups = v;
                }
            }),
            axis(&self.within_decay, |model, v| {
                if let TifuKnn(p) = model {
                    p.within_decay = v;
                }
            }),
            axis(&self.group_decay, |model, v| {
                if let TifuKnn(p) = model {
                    p.group_decay = v;
                }
            }),
            axis(&self.recency, |model, v| {
                if let UpCf(p) = model {
                    p.recency = v;
                }
            }),
            axis(&self.asymmetry, |model, v| {
                if let UpCf(p) = model {
                    p.asymmetry = v;
                }
            }),
            axis(&self.locality, |model, v| {
                if let UpCf(p) = model {
                    p.locality = v;
                }
            }),
            axis(&self.neighbours, |model, v| match model {
                ItemKnn(p) => p.neighbours = v,
                TifuKnn(p) => p.neighbours = v,
                UpCf(p) => p.neighbours = v,
                _ => {}
            }),
            axis(&self.alpha, |model, v| {
                if let TifuKnn(p) = model {
                    p.alpha = v;
                }
            }),
            axis(&self.decay, |model, v| match model {
                Popularity(p) => p.decay = v,
                PersonalFrequency(p) => p.decay = v,
                ItemKnn(p) => p.decay = v,
                _ => {}
            }),
        ];
        all.into_iter().filter(|axis| axis.values > 0).collect()
    }

    /// How many combinations the lists have; `u64::MAX` where there are more than that.
    #[must_use]
    pub fn combinations(&self) -> u64 {
        let sizes = self.axes().into_iter().map(|axis| axis.values as u64);
        sizes.fold(1, u64::saturating_mul)
    }

    /// Every combination, the last list's values in turn first; where there are more than `trials`, so
    /// many of them, in the same order, drawn by the seed.
    #[must_use]
    pub fn trials(&self, model: BaselineModel, seed: u64) -> Vec<BaselineModel> {
        let all = self.combinations().min(MOST);
        let mut drawn: Vec<u64> = (0..all).collect();
        if all > u64::from(self.trials) {
            drawn.sort_unstable_by_key(|at| (mix(seed ^ mix(*at)), *at));
            drawn.truncate(self.trials as usize);
            drawn.sort_unstable();
        }
        let axes = self.axes();
        let combination = |mut at: u64| {
            let mut trial = model;
            for axis in axes.iter().rev() {
                let size = axis.values as u64;
                (axis.set)(&mut trial, (at % size) as usize);
                at /= size;
            }
            trial
        };
        drawn.into_iter().map(combination).collect()
    }

    /// What trials differ in, in words.
    #[must_use]
    pub fn describe(&self, trial: BaselineModel) -> String {
        let of = |values: usize, name: &str, value: String| {
            (values > 0).then(|| format!("{name} {value}"))
        };
        let all = match trial {
            BaselineModel::CoOccurrence
            | BaselineModel::LastBasket
            | BaselineModel::Logistic(_)
            | BaselineModel::BoostedTrees(_) => vec![],
            BaselineModel::Popularity(p) => {
                vec![of(self.decay.len(), "decay", p.decay.to_string())]
            }
            BaselineModel::PersonalFrequency(p) => vec![
                of(self.decay.len(), "decay", p.decay.to_string()),
                of(self.fill.len(), "fill", p.fill.name().into()),
            ],
            BaselineModel::ItemKnn(p) => vec![
                of(self.over.len(), "over", p.over.name().into()),
                of(
                    self.neighbours.len(),
                    "neighbours",
                    p.neighbours.to_string(),
                ),
                of(self.shrink.len(), "shrink", p.shrink.to_string()),
                of(self.decay.len(), "decay", p.decay.to_string()),
            ],
            BaselineModel::TifuKnn(p) => vec![
                of(self.groups.len(), "groups", p.groups.to_string()),
                of(
                    self.within_decay.len(),
                    "within_decay",
                    p.within_decay.to_string(),
                ),
                of(
                    self.group_decay.len(),
                    "group_decay",
                    p.group_decay.to_string(),
                ),
                of(
                    self.neighbours.len(),
                    "neighbours",
                    p.neighbours.to_string(),
                ),
                of(self.alpha.len(), "alpha", p.alpha.to_string()),
            ],
            BaselineModel::UpCf(p) => vec![
                of(self.recency.len(), "recency", p.recency.to_string()),
                of(self.asymmetry.len(), "asymmetry", p.asymmetry.to_string()),
                of(self.locality.len(), "locality", p.locality.to_string()),
                of(
                    self.neighbours.len(),
                    "neighbours",
                    p.neighbours.to_string(),
                ),
            ],
        };
        all.into_iter().flatten().collect::<Vec<_>>().join(", ")
    }

    /// Name of what trials are judged by.
    #[must_use]
    pub fn metric(&self) -> String {
        format!("ndcg@{}", self.k)
    }

    /// Reads only the lists of the model's own params: others are unknown keys.
    pub(super) fn read(model: BaselineModel, table: &Table<'_, '_>) -> Self {
        let default = Self::default();
        let decays = |key| table.numbers(key, DECAY, is_decay).unwrap_or_default();
        let shares = |key| table.numbers(key, SHARE, is_share).unwrap_or_default();
        let neighbours = || {
            table
                .integers("neighbours", 1..=NEIGHBOURS)
                .unwrap_or_default()
        };
        let study = Self {
            k: table.integer("k", 1..=100).unwrap_or(default.k),
            trials: table
                .integer("trials", 1..=10_000)
                .unwrap_or(default.trials),
            ..default
        };
        match model {
            BaselineModel::CoOccurrence
            | BaselineModel::LastBasket
            | BaselineModel::Logistic(_)
            | BaselineModel::BoostedTrees(_) => study,
            BaselineModel::Popularity(_) => Self {
                decay: decays("decay"),
                ..study
            },
            BaselineModel::PersonalFrequency(_) => Self {
                decay: decays("decay"),
                fill: words(table, "fill", &Fill::ALL),
                ..study
            },
            BaselineModel::ItemKnn(_) => Self {
                over: words(table, "over", &KnnOver::ALL),
                neighbours: neighbours(),
                shrink: table
                    .numbers("shrink", "of at least 0", |n| n >= 0.0)
                    .unwrap_or_default(),
                decay: decays("decay"),
                ..study
            },
            BaselineModel::TifuKnn(_) => Self {
                groups: table.integers("groups", 1..=1000).unwrap_or_default(),
                within_decay: decays("within_decay"),
                group_decay: decays("group_decay"),
                neighbours: neighbours(),
                alpha: shares("alpha"),
                ..study
            },
            BaselineModel::UpCf(_) => Self {
                recency: table.integers("recency", 0..=10_000).unwrap_or_default(),
                asymmetry: shares("asymmetry"),
                locality: table
                    .numbers("locality", "above 0", |n| n > 0.0)
                    .unwrap_or_default(),
                neighbours: neighbours(),
                ..study
            },
        }
    }
}

/// A list of some of these words.
fn words<T: Copy>(table: &Table<'_, '_>, key: &str, choices: &[(&str, T)]) -> Vec<T> {
    let expected = one_of(choices.iter().map(|(word, _)| *word));
    let choice = |word: &str| choices.iter().find(|(known, _)| *known == word);
    let values = table.list(key, &expected, |v| Some(choice(v.as_str()?)?.1));
    values.unwrap_or_default()
}

impl BaselineSpec {
    /// Which params are tried; one where there is no study.
    #[must_use]
    pub fn trials(&self, seed: u64) -> Vec<BaselineModel> {
        match &self.study {
            None => vec![self.model],
            Some(study) => study.trials(self.model, seed),
        }
    }
}
