//! Params of ALS.

use serde::{Deserialize, Serialize};

use crate::spec::reader::Table;

/// Hyperparameters of ALS: factors of users and items from how often users bought items.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AlsParams {
    /// Length of a vector, 2 to 1024; 64 unless given.
    pub factors: u32,
    /// Times that users and items are solved, 1 to 1000; 15 unless given.
    pub iterations: u32,
    /// λ, above 0; 0.01 unless given.
    pub regularization: f64,
    /// A user's confidence in an item bought n times is 1 + alpha·n; above 0; 40 unless given.
    pub alpha: f64,
    /// How a user or item is solved: `conjugate` or `cholesky`; `conjugate` unless given.
    pub solver: AlsSolver,
    /// Steps of conjugate gradient for each, 1 to 100; 3 unless given.
    pub steps: u32,
    /// Iterations between two checkpoints, 0 for none; 1 unless given.
    pub checkpoint_iterations: u32,
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
}

impl Default for AlsParams {
    fn default() -> Self {
        Self {
            factors: 64,
            iterations: 15,
            regularization: 0.01,
            alpha: 40.0,
            solver: AlsSolver::Conjugate,
            steps: 3,
            checkpoint_iterations: 1,
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
            checkpoint_iterations: table
                .integer("checkpoint_iterations", 0..)
                .unwrap_or(default.checkpoint_iterations),
        }
    }
}
