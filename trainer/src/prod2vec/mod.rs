//! prod2vec: item vectors from baskets, by skip-gram with negative sampling (Mikolov et al. 2013;
//! Grbovic et al. 2015, "E-commerce in Your Inbox").
//!
//! In closed form on the CPU, and deterministic: the same work gives the same bytes whatever the
//! number of threads, the instructions of the processor, and the interruptions. Updates are
//! applied one after another by one thread; a second one prepares the pairs.

pub(crate) mod artifact;
pub(crate) mod checkpoint;
mod dots;
mod kernel;
mod model;
mod pairs;
mod prepare;
mod sigmoid;
#[cfg(test)]
mod tests;
pub(crate) mod train;

pub use crate::artifact::word2vec_text;
pub use crate::lanes::{Instructions, Lane};
pub(crate) use dots::dots;
pub use kernel::{Kernel, LossSum};
pub use model::Model;
pub use pairs::Pairs;
