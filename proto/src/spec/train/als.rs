//! Params of ALS.

use serde::{Deserialize, Serialize};

use crate::spec::keys;
use crate::spec::reader::Table;

/// Hyperparameters of ALS: factors of users and items from how often users bought items.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AlsParams {
    /// Length of a vector, 2 to 1024; 64 unless given.
    pub factors: u32,
    /// Times that users and items are solved, 1 to 1000; 15 unless given.
    pub iterations: u32,
    /// λ, above 0; 0.1 unless given.
    pub regularization: f64,
    /// A user's confidence in an item bought n times is 1 + alpha·n; above 0; 1 unless given: the
    /// more often all users buy again what they bought, the less says one purchase.
    pub alpha: f64,
    /// How a user or item is solved: `conjugate`, `cholesky` or `blocks`; `conjugate` unless given.
    pub solver: AlsSolver,
    /// Steps of conjugate gradient for each, 1 to 100; 3 unless given.
    pub steps: u32,
    /// Factors of a block, 1 to 1024; 64 unless given.
    pub block: u32,
    /// What a count says: `implicit` or `explicit`; `implicit` unless given.
    pub feedback: AlsFeedback,
    /// Iterations between two checkpoints, 0 for none; 1 unless given.
    pub checkpoint_iterations: u32,
    /// Which of some params are best is found first; none unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub study: Option<AlsStudy>,
}

/// What a count says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AlsFeedback {
    /// How sure it is that the user likes the item.
    #[default]
    Implicit,
    /// How much: it is a rating. `alpha` has no say, and λ counts once for each rating.
    Explicit,
}

/// Combinations of params that are judged by k-fold cross-validation: by nDCG, with explicit feedback
/// by the root of the mean squared error.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AlsStudy {
    /// Parts of the counts, each held out once, 2 to 20; 5 unless given.
    pub folds: u32,
    /// Places of a list that is judged, 1 to 100; 10 unless given.
    pub k: u32,
    /// Values of `factors`; that of the params unless given, as of the other three.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub factors: Vec<u32>,
    /// Values of `iterations`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub iterations: Vec<u32>,
    /// Values of `regularization`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub regularization: Vec<f64>,
    /// Values of `alpha`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub alpha: Vec<f64>,
}

impl Default for AlsStudy {
    fn default() -> Self {
        Self {
            folds: 5,
            k: 10,
            factors: Vec::new(),
            iterations: Vec::new(),
            regularization: Vec::new(),
            alpha: Vec::new(),
        }
    }
}

/// The values of a list, or the one that stands for none.
fn or<T: Copy>(values: &[T], one: T) -> Vec<T> {
    if values.is_empty() {
        vec![one]
    } else {
        values.to_vec()
    }
}

impl AlsStudy {
    /// Every combination, the last list's values in turn first.
    #[must_use]
    pub fn trials(&self, params: &AlsParams) -> Vec<AlsParams> {
        let mut trials = Vec::new();
        for factors in or(&self.factors, params.factors) {
            for iterations in or(&self.iterations, params.iterations) {
                for regularization in or(&self.regularization, params.regularization) {
                    for alpha in or(&self.alpha, params.alpha) {
                        trials.push(AlsParams {
                            factors,
                            iterations,
                            regularization,
                            alpha,
                            study: None,
                            ..params.clone()
                        });
                    }
                }
            }
        }
        trials
    }

    /// What trials differ in, in words.
    #[must_use]
    pub fn describe(&self, trial: &AlsParams) -> String {
        let of =
            |varies: bool, name: &str, value: String| varies.then(|| format!("{name} {value}"));
        let all = [
            of(
                !self.factors.is_empty(),
                "factors",
                trial.factors.to_string(),
            ),
            of(
                !self.iterations.is_empty(),
                "iterations",
                trial.iterations.to_string(),
            ),
            of(
                !self.regularization.is_empty(),
                "regularization",
                trial.regularization.to_string(),
            ),
            of(!self.alpha.is_empty(), "alpha", trial.alpha.to_string()),
        ];
        let varied: Vec<String> = all.into_iter().flatten().collect();
        if varied.is_empty() {
            return "the params as given".into();
        }
        varied.join(", ")
    }

    /// Name of what trials are judged by.
    #[must_use]
    pub fn metric(&self, params: &AlsParams) -> String {
        match params.feedback {
            AlsFeedback::Implicit => format!("ndcg@{}", self.k),
            AlsFeedback::Explicit => "rmse".into(),
        }
    }

    fn read(table: &Table<'_, '_>) -> Self {
        let default = Self::default();
        let numbers = |key| table.numbers(key, "above 0", |n| n > 0.0);
        Self {
            folds: table.integer("folds", 2..=20).unwrap_or(default.folds),
            k: table.integer("k", 1..=100).unwrap_or(default.k),
            factors: table.integers("factors", 2..=1024).unwrap_or_default(),
            iterations: table.integers("iterations", 1..=1000).unwrap_or_default(),
            regularization: numbers("regularization").unwrap_or_default(),
            alpha: numbers("alpha").unwrap_or_default(),
        }
    }
}

/// How a row's system is solved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AlsSolver {
    /// By some steps from the last iteration's solution; short rows exactly.
    #[default]
    Conjugate,
    /// Exactly.
    Cholesky,
    /// Some factors at a time, the others fixed (iALS++; Rendle et al. 2021).
    Blocks,
}

impl Default for AlsParams {
    fn default() -> Self {
        Self {
            factors: 64,
            iterations: 15,
            regularization: 0.1,
            alpha: 1.0,
            solver: AlsSolver::Conjugate,
            steps: 3,
            block: 64,
            feedback: AlsFeedback::Implicit,
            checkpoint_iterations: 1,
            study: None,
        }
    }
}

impl AlsParams {
    pub(super) fn read(table: &Table<'_, '_>) -> Self {
        let default = Self::default();
        let positive = |key| table.number(key, "above 0", |n| n > 0.0);
        let solvers = [
            ("conjugate", AlsSolver::Conjugate),
            ("cholesky", AlsSolver::Cholesky),
            ("blocks", AlsSolver::Blocks),
        ];
        let feedback = [
            ("implicit", AlsFeedback::Implicit),
            ("explicit", AlsFeedback::Explicit),
        ];
        Self {
            factors: table
                .integer("factors", 2..=1024)
                .unwrap_or(default.factors),
            iterations: table
                .integer("iterations", 1..=1000)
                .unwrap_or(default.iterations),
            regularization: positive("regularization").unwrap_or(default.regularization),
            alpha: positive("alpha").unwrap_or(default.alpha),
            solver: table.choice("solver", &solvers).unwrap_or_default(),
            steps: table.integer("steps", 1..=100).unwrap_or(default.steps),
            block: table.integer("block", 1..=1024).unwrap_or(default.block),
            feedback: table.choice("feedback", &feedback).unwrap_or_default(),
            checkpoint_iterations: table
                .integer("checkpoint_iterations", 0..)
                .unwrap_or(default.checkpoint_iterations),
            study: table
                .table("study", &keys::ALS_STUDY)
                .map(|t| AlsStudy::read(&t)),
        }
    }
}
