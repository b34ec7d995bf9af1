//! Segments: users grouped by their vectors, how good and how stable the groups are, and whether
//! what users are worth differs between groups more than between random ones.
//!
//! Owns k-means (Lloyd 1982) and what judges it; it knows nothing of models and reads no tables.
//! Numbers depend on the vectors and the seed alone: neither on the number of threads, nor on the
//! instructions of the processor.

mod agreement;
mod bounds;
mod choose;
mod kmeans;
mod map;
mod panels;
mod permutation;
mod points;
mod seeding;
mod silhouette;
mod stability;
mod survey;
#[cfg(test)]
mod tests;

pub use agreement::adjusted_rand;
pub use choose::{Candidate, Choice, choose};
pub use kmeans::{KMeans, Segments};
pub use map::{Map, map};
pub use permutation::{Spread, spread};
pub use points::Points;
pub(crate) use silhouette::sampled;
pub use silhouette::{Silhouette, silhouette};
pub use stability::Stability;
pub use survey::Survey;
