//! The distribution of negatives: count^power, drawn in constant time. Owns no randomness.

use serde::{Deserialize, Serialize};

use crate::feed::KeyedRng;
use crate::ids::FIRST_ITEM;

/// Negatives that a feed draws: items by count^power, from randomness keyed by row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Noise {
    /// Items drawn each time.
    pub draws: u32,
    /// The exponent of the count.
    pub power: f64,
    /// Counts of the real items, in order of their index.
    pub counts: Vec<u64>,
}

/// No item has a count, so none can be drawn.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "no item has a count, so no negatives can be drawn; check that the split leaves train baskets"
)]
pub struct NoNoise;

/// Vose's alias table (Vose 1991, "A linear algorithm for generating random numbers with a given
/// distribution") over the real items.
#[derive(Debug, Clone)]
pub struct NoiseTable {
    /// By column: the chance in 1/2^32 that the column itself is drawn, and who is drawn else.
    columns: Vec<(u32, u32)>,
}

impl NoiseTable {
    /// `counts`: of the real items, in order of their index. Items with count 0 are never drawn.
    ///
    /// # Errors
    /// [`NoNoise`] where no item has a count.
    pub fn new(counts: &[u64], power: f64) -> Result<Self, NoNoise> {
        // Rounded to single precision: libraries differ in the last bits of `powf`.
        let weight = |count: &u64| {
            if *count > 0 {
                f64::from((*count as f64).powf(power) as f32)
            } else {
                0.0
            }
        };
        let weights: Vec<f64> = counts.iter().map(weight).collect();
        let total: f64 = weights.iter().sum();
        if total <= 0.0 || !total.is_finite() {
            return Err(NoNoise);
        }
        let n = weights.len();
        let mut chance: Vec<f64> = weights.iter().map(|w| w * n as f64 / total).collect();
        let mut columns: Vec<(u32, u32)> =
            (0..n as u32).map(|i| (u32::MAX, i + FIRST_ITEM)).collect();
        let (mut poor, mut rich): (Vec<usize>, Vec<usize>) = (0..n).partition(|i| chance[*i] < 1.0);
        while let (Some(low), Some(high)) = (poor.pop(), rich.pop()) {
            columns[low] = (
                (chance[low] * f64::from(u32::MAX)) as u32,
                high as u32 + FIRST_ITEM,
            );
            chance[high] -= 1.0 - chance[low];
            if chance[high] < 1.0 {
                poor.push(high)
            } else {
                rich.push(high)
            }
        }
        // Whoever is left has chance 1 but for rounding; one without a count is never drawn.
        let fullest = (0..n)
            .max_by(|a, b| weights[*a].total_cmp(&weights[*b]).then(b.cmp(a)))
            .unwrap_or(0);
        for left in poor.into_iter().filter(|i| weights[*i] == 0.0) {
            columns[left] = (0, fullest as u32 + FIRST_ITEM);
        }
        Ok(Self { columns })
    }

    /// An item index.
    #[inline]
    pub fn draw(&self, rng: &mut KeyedRng) -> u32 {
        let bits = rng.next_u64();
        let column = ((bits >> 32) * self.columns.len() as u64) >> 32;
        let (chance, other) = self.columns[column as usize];
        if (bits as u32) < chance || chance == u32::MAX {
            column as u32 + FIRST_ITEM
        } else {
            other
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_follow_the_power_of_the_count() -> Result<(), NoNoise> {
        let counts = [1000, 0, 1, 50, 50, 300];
        let table = NoiseTable::new(&counts, 0.75)?;
        let mut rng = KeyedRng::new(5);
        let mut drawn = [0u64; 6];
        let n = 2_000_000;
        for _ in 0..n {
            drawn[(table.draw(&mut rng) - FIRST_ITEM) as usize] += 1;
        }
        let total: f64 = counts.iter().map(|c| (*c as f64).powf(0.75)).sum();
        for (count, drawn) in counts.iter().zip(drawn) {
            let p = (*count as f64).powf(0.75) / total;
            let error = (p * (1.0 - p) / f64::from(n)).sqrt();
            assert!(
                (drawn as f64 / f64::from(n) - p).abs() <= 5.0 * error,
                "{count}: {drawn} of {n}"
            );
        }
        assert_eq!(drawn[1], 0);
        Ok(())
    }

    #[test]
    fn negative_powers_and_single_items() -> Result<(), NoNoise> {
        let one = NoiseTable::new(&[7], -1.0)?;
        assert_eq!(one.draw(&mut KeyedRng::new(1)), FIRST_ITEM);
        assert!(NoiseTable::new(&[0, 0], 0.75).is_err());
        assert!(NoiseTable::new(&[], 0.75).is_err());
        Ok(())
    }
}
