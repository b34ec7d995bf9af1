//! Neural models: the attention LSTM for the next basket.

pub(crate) mod kernels;
pub(crate) mod ops;
