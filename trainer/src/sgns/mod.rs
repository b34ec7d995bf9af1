//! Negative sampling (Mikolov et al. 2013), shared by prod2vec and cust2vec: matrices U and V, steps
//! that learn them, and the two modes in which steps are taken. Owns no model, feed or file.

mod documents;
mod engine;
mod examples;
mod learner;
mod rows;
mod sigmoid;
#[cfg(test)]
pub(crate) mod tests;
mod weights;

pub use documents::Documents;
pub(crate) use engine::Engine;
pub use engine::{Learnt, Mode, Rates};
pub(crate) use examples::{Examples, LOSS_EVERY, Sampling};
pub(crate) use learner::Learner;
pub use learner::LossSum;
pub(crate) use sigmoid::Sigmoid;
pub use weights::Squares;
pub(crate) use weights::Weights;
