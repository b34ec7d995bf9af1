//! Wide and deep: whether an item that a user is shown is bought, in its context. The mathematics of a
//! training step and of scoring, without burn, so that who serves a model need not reach it. Owns no
//! files, no feed and no thread pool.
//!
//! The model is Cheng et al. 2016 ("Wide & Deep Learning for Recommender Systems") in the shape of the
//! wide-and-deep recommender for REES46 that Pannier began with. For an example of user u, item i,
//! category c and context numbers r, with e numbers a vector:
//!
//! | part | from | to | how |
//! |---|---|---|---|
//! | vectors | i, u, c | x \[3e\] | a row of each table, `items`, `users`, `categories`, beside each other |
//! | wide | x | a \[wide\] | x·W + b, dropout |
//! | deep | x | d \[deep.last\] | for each layer ReLU(x·W + b), dropout |
//! | join | a, d | j \[join\] | ReLU(\[a, d\]·W + b) |
//! | context | r | k \[context_units\] | batch normalisation (mean, variance, scale, shift), ReLU(r·W + b) |
//! | crosses | pairs of values | Σ \[1\] | a number of each pair's bucket |
//! | output | j, k, Σ | p \[1\] | sigmoid(\[j, k\]·w + b + Σ) |
//!
//! Index 0 of a table stands for nothing, 1 for what training did not know, whose vector is the mean of
//! the known ones. The loss is binary cross-entropy, an example's weighted by its class, over the
//! batch's mean. Crossed features are the paper's wide part proper, which the recommender for REES46
//! did not have: there "wide" was the linear layer alone.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod adam;
mod crosses;
mod dropout;
mod error;
mod file;
mod kept;
mod layout;
mod learner;
mod model;
#[cfg(test)]
mod naive;
mod net;
mod norm;
mod product;
mod rows;
mod simd;
mod sizes;
mod tables;

pub use error::Error;
pub use file::{read, write};
pub use kept::Kept;
pub use learner::{Learner, Rates};
pub use model::Model;
pub use rows::{Batch, Rows};
pub use sizes::{Named, Sizes};
