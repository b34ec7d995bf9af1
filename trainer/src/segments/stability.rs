//! Whether segments come back: with another seed, and with other users.

use pannier_proto::feed::mix;
use rayon::iter::{IntoParallelIterator, ParallelIterator};

use super::agreement::adjusted_rand;
use super::kmeans::{KMeans, Segments};
use super::points::Points;
use super::silhouette::sampled;
use crate::error::TrainerError;

/// Agreement of groupings that should be the same, as adjusted Rand indices.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stability {
    /// Their mean: 1 is the same each time, 0 is chance.
    pub mean: f64,
    /// Its standard error, s/√n over the repeats; 0 where there was one.
    pub error: f64,
}

impl Stability {
    fn of(indices: &[f64]) -> Self {
        let n = indices.len().max(1) as f64;
        let mean = indices.iter().sum::<f64>() / n;
        let squares: f64 = indices.iter().map(|x| (x - mean) * (x - mean)).sum();
        let error = if n > 1.0 {
            (squares / (n - 1.0) / n).sqrt()
        } else {
            0.0
        };
        Self { mean, error }
    }

    /// How far `found` agrees with what the same k-means finds from so many other seeds.
    ///
    /// # Errors
    /// As [`KMeans::fit`].
    pub fn over_seeds(
        kmeans: &KMeans,
        points: &Points,
        found: &Segments,
        repeats: usize,
    ) -> Result<Self, TrainerError> {
        let indices = (1..=repeats as u64).into_par_iter().map(|repeat| {
            let seed = mix(kmeans.seed ^ mix(repeat ^ 0x7365_6564_7365_6564));
            let other = KMeans { seed, ..*kmeans }.fit(points)?;
            Ok(adjusted_rand(&found.labels, &other.labels))
        });
        Ok(Self::of(
            &indices.collect::<Result<Vec<_>, TrainerError>>()?,
        ))
    }

    /// How far two halves of the users agree on all of them: each half is grouped on its own, then
    /// all users are given the nearest centres of either. So many random halvings.
    ///
    /// # Errors
    /// As [`KMeans::fit`]: a half must have points at as many places as there are segments.
    pub fn over_halves(
        kmeans: &KMeans,
        points: &Points,
        repeats: usize,
    ) -> Result<Self, TrainerError> {
        let indices = (1..=repeats as u64).into_par_iter().map(|repeat| {
            let seed = mix(kmeans.seed ^ mix(repeat ^ 0x6861_6C76_6573_2121));
            let one = sampled(points.rows(), points.rows() / 2, seed);
            let mut drawn = vec![false; points.rows()];
            one.iter().for_each(|row| drawn[*row as usize] = true);
            let all = 0..points.rows() as u32;
            let other: Vec<u32> = all.filter(|row| !drawn[*row as usize]).collect();
            let labels = |half: &[u32]| -> Result<Vec<u32>, TrainerError> {
                let found = KMeans { seed, ..*kmeans }.fit(&points.only(half))?;
                Ok(found.assign(points))
            };
            Ok(adjusted_rand(&labels(&one)?, &labels(&other)?))
        });
        Ok(Self::of(
            &indices.collect::<Result<Vec<_>, TrainerError>>()?,
        ))
    }
}
