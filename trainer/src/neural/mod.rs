//! Neural models: the attention LSTM for the next basket.

pub mod attention_lstm;
pub(crate) mod kernels;
pub(crate) mod ops;
