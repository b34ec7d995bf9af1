//! Neural models: the attention LSTM for the next basket, wide and deep for decisions.

pub mod attention_lstm;
pub(crate) mod kernels;
pub(crate) mod ops;
pub(crate) mod schedule;
pub mod wide_deep;
