//! Batch normalisation of the context (Ioffe and Szegedy 2015): a column's own mean and variance of the
//! batch in training, those of many batches in scoring. ε as Keras has it.

use crate::rows::Rows;

const EPSILON: f64 = 1e-3;
/// What a batch's statistics keep of the running ones.
const MOMENTUM: f64 = 0.99;

/// A column's mean, and 1 / √(variance + ε).
pub(crate) type Normal = [f32; 2];

/// Mean and variance (that of the batch, over n) of each column.
pub(crate) fn of_batch(rows: &Rows<'_>, columns: usize) -> Vec<[f64; 2]> {
    let n = rows.len() as f64;
    let mut sums = vec![0.0f64; columns];
    for row in rows.context.chunks_exact(columns.max(1)) {
        sums.iter_mut()
            .zip(row)
            .for_each(|(sum, x)| *sum += f64::from(*x));
    }
    let means: Vec<f64> = sums.into_iter().map(|sum| sum / n).collect();
    let mut sums = vec![0.0f64; columns];
    for row in rows.context.chunks_exact(columns.max(1)) {
        for ((sum, x), mean) in sums.iter_mut().zip(row).zip(&means) {
            *sum += (f64::from(*x) - mean).powi(2);
        }
    }
    means
        .into_iter()
        .zip(sums.into_iter().map(|sum| sum / n))
        .map(|(mean, variance)| [mean, variance])
        .collect()
}

/// What columns are normalised with.
pub(crate) fn normal([mean, variance]: [f64; 2]) -> Normal {
    [mean as f32, (1.0 / (variance + EPSILON).sqrt()) as f32]
}

/// Statistics over batches, newer ones with more weight: .01·.99^age, over the sum of these. Keras
/// begins with 0 and 1 instead and lets them fade, which takes hundreds of steps.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Running {
    /// Weighted sums of mean and variance, by column.
    pub sums: Vec<[f64; 2]>,
    /// Sum of the weights.
    pub weight: f64,
}

impl Running {
    /// Of no batch yet.
    pub(crate) fn new(columns: usize) -> Self {
        Self {
            sums: vec![[0.0; 2]; columns],
            weight: 0.0,
        }
    }

    /// One more batch.
    pub(crate) fn add(&mut self, batch: &[[f64; 2]]) {
        for (sums, of) in self.sums.iter_mut().zip(batch) {
            for (sum, x) in sums.iter_mut().zip(of) {
                *sum = MOMENTUM * *sum + (1.0 - MOMENTUM) * x;
            }
        }
        self.weight = MOMENTUM * self.weight + (1.0 - MOMENTUM);
    }

    /// Means and variances; 0 and 1 before the first batch.
    pub(crate) fn current(&self) -> Vec<[f64; 2]> {
        let of = |sums: &[f64; 2]| match self.weight {
            0.0 => [0.0, 1.0],
            weight => sums.map(|sum| sum / weight),
        };
        self.sums.iter().map(of).collect()
    }
}
