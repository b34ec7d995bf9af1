//! prod2vec: item vectors from baskets, by skip-gram with negative sampling (Mikolov et al. 2013;
//! Grbovic et al. 2015, "E-commerce in Your Inbox").
//!
//! In closed form on the CPU. Trainings from a feed are deterministic: the same work gives the same
//! bytes whatever the number of threads, the instructions of the processor, and the interruptions;
//! updates are applied one after another by one thread ([`Kernel`]), a second one prepares the
//! pairs. [`SkipGram`] learns in either mode, from pairs or baskets.

pub(crate) mod artifact;
pub(crate) mod checkpoint;
mod dots;
mod kernel;
mod model;
mod pairs;
mod prepare;
mod skip_gram;
#[cfg(test)]
mod tests;
pub(crate) mod train;

pub use crate::artifact::word2vec_text;
pub use crate::lanes::{Instructions, Lane};
pub use crate::sgns::{Documents, Learnt, LossSum, Mode, Rates, Squares};
pub(crate) use dots::dots;
pub use kernel::Kernel;
pub use model::Model;
pub use pairs::Pairs;
pub use skip_gram::{SkipGram, SkipGramParams};
