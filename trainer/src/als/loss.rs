//! What ALS makes small.

use rayon::iter::{IndexedParallelIterator, ParallelIterator};
use rayon::slice::ParallelSlice;

use super::basis::gramian;
use super::entries::Entries;
use super::factors::Factors;
use super::fit::{Als, Feedback};

/// Rows of a block that one thread sums.
const BLOCK: usize = 1024;

impl Als {
    /// The sum that is made small, over the number of entries. Implicit: Σ c (p - xᵀy)² over all
    /// places, with c = 1 + alpha·r and p = 1 where there is an entry, c = 1 and p = 0 elsewhere, and
    /// λ (Σ |x|² + Σ |y|²) (Hu, Koren and Volinsky 2008, equation 3); the places without an entry are
    /// summed as ⟨XᵀX, YᵀY⟩. Explicit: Σ (r - xᵀy)² over entries and λ (Σ nₓ |x|² + Σ n_y |y|²) (Zhou
    /// et al. 2008). `x`: of the rows of `entries`; `across` is `entries` transposed.
    #[must_use]
    pub fn loss(&self, entries: &Entries, across: &Entries, x: &Factors, y: &Factors) -> f64 {
        let lambda = f64::from(self.regularization);
        let of_entries = self.of_entries(entries, x, y);
        let sum = match self.feedback {
            Feedback::Implicit { .. } => {
                let (xs, ys) = (gramian(x), gramian(y));
                let everywhere: f64 = xs.iter().zip(&ys).map(|(a, b)| a * b).sum();
                let trace = |of: &[f64]| of.iter().step_by(x.dim() + 1).sum::<f64>();
                everywhere + of_entries + lambda * (trace(&xs) + trace(&ys))
            }
            Feedback::Explicit => {
                of_entries + lambda * (weighted_squares(entries, x) + weighted_squares(across, y))
            }
        };
        sum / entries.len().max(1) as f64
    }

    /// What entries add to the sum over all places. Blocks are summed in their order.
    fn of_entries(&self, entries: &Entries, x: &Factors, y: &Factors) -> f64 {
        let block = |(block, xs): (usize, &[_])| {
            let rows = block * BLOCK..block * BLOCK + xs.len() / x.lanes;
            let of_row = |row: usize| {
                let (columns, values) = entries.row(row);
                let x = x.row(row);
                let entries = columns.iter().zip(values);
                entries
                    .map(|(column, value)| {
                        let y = y.row(*column as usize);
                        let score = f64::from(x.iter().zip(y).map(|(x, y)| x * y).sum::<f32>());
                        self.of_entry(f64::from(*value), score)
                    })
                    .sum::<f64>()
            };
            rows.map(of_row).sum::<f64>()
        };
        let blocks = x.values.par_chunks(BLOCK * x.lanes).enumerate().map(block);
        blocks.collect::<Vec<f64>>().into_iter().sum()
    }

    fn of_entry(&self, value: f64, score: f64) -> f64 {
        match self.feedback {
            Feedback::Implicit { alpha } => {
                let confidence = 1.0 + f64::from(alpha) * value;
                confidence * (1.0 - score).powi(2) - score * score
            }
            Feedback::Explicit => (value - score).powi(2),
        }
    }
}

/// Σ n |x|², n being a row's number of entries.
fn weighted_squares(entries: &Entries, of: &Factors) -> f64 {
    let square = |row: usize| {
        of.row(row)
            .iter()
            .map(|x| f64::from(*x).powi(2))
            .sum::<f64>()
    };
    let rows = 0..of.rows();
    rows.map(|row| entries.row(row).0.len() as f64 * square(row))
        .sum()
}
