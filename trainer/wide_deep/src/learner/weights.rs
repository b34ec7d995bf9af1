//! What a learner has learned, as weights to score with.

use super::Learner;
use crate::sizes::{CROSSES, MEAN, Named, VARIANCE};
use crate::tables::Table;

impl Learner {
    /// What weights of classes take from the logit: ln(w₀ / w₁); balanced, the log odds of all examples.
    #[must_use]
    pub fn offset(&self) -> f32 {
        (self.classes[0] / self.classes[1]).ln()
    }

    /// All weights as [`crate::Sizes::shapes`] names them, to score with. Rows are made up for what they missed;
    /// that of nothing is 0, that of the unknown, where none was seen, the mean of those that were. The
    /// output's bias is moved by ln(w₀ / w₁), so that probabilities are those of examples as they come,
    /// not as their classes are weighted (King and Zeng 2001, "Logistic Regression in Rare Events Data").
    #[must_use]
    pub fn weights(&self) -> Vec<Named> {
        let mut tables = self.tables.iter().enumerate().map(|(at, table)| {
            let mut weights = table.current(&self.clock);
            if at < 3 {
                unknown(&mut weights, table);
            }
            weights
        });
        let current = self.running.current();
        let mut dense = self.dense.clone();
        dense[self.layout.output_bias] += self.offset();
        let dense = self.layout.named(&dense, "");
        let named = self.sizes.shapes().into_iter().enumerate();
        let named = named.map(|(at, (name, shape))| {
            let numbers = match name.as_str() {
                MEAN => current.iter().map(|[mean, _]| *mean as f32).collect(),
                VARIANCE => current
                    .iter()
                    .map(|[_, variance]| *variance as f32)
                    .collect(),
                CROSSES => tables.next().unwrap_or_default(),
                _ if at < 3 => tables.next().unwrap_or_default(),
                name => {
                    let of = dense.iter().find(|named| named.name == name);
                    of.map(|named| named.numbers.clone()).unwrap_or_default()
                }
            };
            Named {
                name,
                shape,
                numbers,
            }
        });
        named.collect()
    }
}

/// Row 0 becomes 0; row 1, where it was not learned, the mean of the rows behind it that were.
fn unknown(weights: &mut [f32], table: &Table) {
    let dim = table.dim;
    let mut sums = vec![0.0f64; dim];
    let mut count = 0.0;
    for (row, _) in table
        .learned
        .iter()
        .enumerate()
        .skip(2)
        .filter(|(_, learned)| **learned > 0)
    {
        let row = &weights[row * dim..][..dim];
        sums.iter_mut()
            .zip(row)
            .for_each(|(sum, x)| *sum += f64::from(*x));
        count += 1.0;
    }
    weights[..dim].fill(0.0);
    if count > 0.0 && table.learned[1] == 0 {
        let means = sums.iter().map(|sum| (sum / count) as f32);
        weights[dim..2 * dim]
            .iter_mut()
            .zip(means)
            .for_each(|(x, mean)| *x = mean);
    }
}
