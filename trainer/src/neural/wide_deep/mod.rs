//! Wide and deep: whether a user buys an item that is offered. The mathematics, which are burn-free, lie in
//! `pannier-wide-deep`; here are its training over a feed, its artifact, and the same model written once
//! against burn's tensors, by which the fused step is checked and which other devices can run.

pub(crate) mod artifact;
pub mod model;
mod state;
pub(crate) mod train;
#[cfg(test)]
mod whole_tests;
