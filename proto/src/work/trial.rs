//! What a study tried.

use serde::{Deserialize, Serialize};

/// One of the trainings of a study.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrialRow {
    /// What it differs in from the others, for example `factors 64, alpha 1`.
    pub params: String,
    /// What it was judged by, for example `ndcg@10`.
    pub metric: String,
    /// A value for each fold; one alone where validation users judge.
    pub values: Vec<f64>,
}

impl TrialRow {
    /// Mean over folds.
    #[must_use]
    pub fn mean(&self) -> f64 {
        self.values.iter().sum::<f64>() / self.values.len().max(1) as f64
    }

    /// Standard error of the mean over folds; folds share most of what they are trained on, so it is a
    /// little too small.
    #[must_use]
    pub fn standard_error(&self) -> f64 {
        let (mean, n) = (self.mean(), self.values.len() as f64);
        let squares: f64 = self.values.iter().map(|v| (v - mean).powi(2)).sum();
        (squares / (n - 1.0).max(1.0) / n.max(1.0)).sqrt()
    }

    /// The place of the best mean, of equals the first: of errors the smallest, of all else the largest.
    #[must_use]
    pub fn best(rows: &[Self]) -> Option<usize> {
        let worth = |row: &Self| match row.metric.as_str() {
            "rmse" => -row.mean(),
            _ => row.mean(),
        };
        let worths = rows.iter().map(worth).enumerate();
        let best = worths.reduce(|best, next| if next.1 > best.1 { next } else { best });
        best.map(|best| best.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_has_the_largest_mean_or_the_smallest_error() {
        let rows = |metric: &str| {
            let row = |values: &[f64]| TrialRow {
                params: String::new(),
                metric: metric.into(),
                values: values.to_vec(),
            };
            [row(&[0.2, 0.4]), row(&[0.5, 0.3]), row(&[0.3, 0.5])]
        };
        assert_eq!(TrialRow::best(&rows("ndcg@10")), Some(1));
        assert_eq!(TrialRow::best(&rows("rmse")), Some(0));
        assert_eq!(TrialRow::best(&[]), None);
        // Squares of 0.1 and 0.1 over one less than two, over two.
        assert!((rows("rmse")[0].standard_error() - 0.1).abs() < 1e-12);
    }
}
