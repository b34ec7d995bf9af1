//! Every number of segments tried, and what can be said of each.

use std::ops::RangeInclusive;

use super::choose::Candidate;
use super::kmeans::{KMeans, Segments};
use super::points::Points;
use super::silhouette::silhouette;
use super::stability::Stability;
use crate::error::TrainerError;

/// What is tried.
#[derive(Debug, Clone, PartialEq)]
pub struct Survey {
    /// Numbers of segments; 2..=25 unless there is a reason.
    pub segments: RangeInclusive<usize>,
    /// How, but for the number of segments.
    pub kmeans: KMeans,
    /// Repeats of each measure of stability.
    pub repeats: usize,
    /// Rows of which silhouettes are measured at most.
    pub sample: usize,
}

impl Survey {
    /// 2 to 25 segments, stability over ten repeats, silhouettes of 5000 rows.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            segments: 2..=25,
            kmeans: KMeans::new(2, seed),
            repeats: 10,
            sample: 5000,
        }
    }

    /// Groups the points into each number of segments and measures what came of it, in the order of
    /// the numbers. On the pool of the calling thread.
    ///
    /// # Errors
    /// As [`KMeans::fit`] and [`silhouette`].
    pub fn run(&self, points: &Points) -> Result<Vec<(Candidate, Segments)>, TrainerError> {
        let tried = self.segments.clone();
        tried.map(|segments| self.one(points, segments)).collect()
    }

    /// The same of one number of segments.
    ///
    /// # Errors
    /// As of [`Survey::run`].
    pub fn one(
        &self,
        points: &Points,
        segments: usize,
    ) -> Result<(Candidate, Segments), TrainerError> {
        let kmeans = KMeans {
            segments,
            ..self.kmeans
        };
        let found = kmeans.fit(points)?;
        let apart = silhouette(points, &found.labels, self.sample, kmeans.seed)?;
        let smallest = found.sizes.last().copied().unwrap_or(0);
        let candidate = Candidate {
            segments,
            inertia: found.inertia,
            silhouette: apart.mean,
            smallest: smallest as f64 / points.rows() as f64,
            seeds: Stability::over_seeds(&kmeans, points, &found, self.repeats)?,
            halves: Stability::over_halves(&kmeans, points, self.repeats)?,
        };
        Ok((candidate, found))
    }
}
