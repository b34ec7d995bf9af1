//! What can go wrong.

/// Why a model cannot be made, taught or asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Sizes, weights or names do not fit together.
    #[error("the wide-and-deep model does not fit: {0}")]
    Model(String),
    /// Rows do not fit the model.
    #[error("rows do not fit the wide-and-deep model: {0}")]
    Rows(String),
    /// A file is no model.
    #[error("no wide-and-deep model: {0}; train it again")]
    File(String),
}
