//! Gradient-boosted trees, by `forust-ml`: pure Rust on rayon, histograms of 256 bins and second-order
//! gains as XGBoost's, and by its own word the same trees for every number of threads.

use forust_ml::{GradientBooster, Matrix};
use pannier_proto::spec::BoostedTreesParams;

use crate::error::TrainerError;

/// Trees that were fit.
pub(super) struct Trees(GradientBooster);

/// Columns end to end.
fn flat(columns: &[Vec<f64>]) -> (Vec<f64>, usize) {
    (columns.concat(), columns.first().map_or(0, Vec::len))
}

impl Trees {
    /// Fits columns, [columns][decisions], to what was decided.
    ///
    /// # Errors
    /// [`TrainerError::Data`] where the columns cannot be used.
    pub(super) fn fit(
        columns: &[Vec<f64>],
        labels: &[f32],
        params: &BoostedTreesParams,
    ) -> Result<Self, TrainerError> {
        let (numbers, rows) = flat(columns);
        let labels: Vec<f64> = labels.iter().map(|label| f64::from(*label)).collect();
        let mut trees = GradientBooster::default()
            .set_iterations(params.trees as usize)
            .set_max_depth(params.depth as usize)
            .set_learning_rate(params.learning_rate as f32)
            .set_l2(params.l2 as f32);
        let matrix = Matrix::new(&numbers, rows, columns.len());
        let fitted = trees.fit_unweighted(&matrix, &labels, None);
        fitted.map_err(|e| TrainerError::data("decisions", format!("no trees: {e}")))?;
        Ok(Self(trees))
    }

    /// The probability that decisions are for buying.
    pub(super) fn chances(&self, columns: &[Vec<f64>]) -> Vec<f32> {
        let (numbers, rows) = flat(columns);
        let logits = self
            .0
            .predict(&Matrix::new(&numbers, rows, columns.len()), true);
        let chance = |z: &f64| (1.0 / (1.0 + (-z).exp())) as f32;
        logits.iter().map(chance).collect()
    }
}
