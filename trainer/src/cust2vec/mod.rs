//! cust2vec: vectors of users from what they bought, by doc2vec (Le and Mikolov 2014, "Distributed
//! Representations of Sentences and Documents") with a user in the document's place.
//!
//! A user's document is the list of item indices in the user's order. Vectors belong to users, one
//! for each list; items have vectors too, which are only what the users' are learnt by. Negatives
//! are drawn by count^power; the learning rate falls in a straight line over all epochs. In closed form,
//! as prod2vec.

pub(crate) mod artifact;
mod checkpoint;
pub(crate) mod fit;
mod read;
mod steps;
#[cfg(test)]
mod tests;
mod train;
mod vectors;
#[cfg(test)]
mod whole_tests;

pub use crate::sgns::{Documents, Learnt, LossSum, Mode, Rates, Squares};
pub use steps::Architecture;
pub use train::{Cust2vec, Cust2vecParams};
pub use vectors::Vectors;
