//! The engine's errors, by what the caller can do.

use datafusion::error::DataFusionError;

/// Why the engine could not do something.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// SQL, a plan or a table is wrong: trying again will not help.
    #[error("{0}")]
    Query(#[from] Box<DataFusionError>),
    /// The warehouse could not be read or written.
    #[error("cannot reach `{path}` in the warehouse: {source}")]
    Store {
        /// Path below the warehouse.
        path: String,
        /// What the store said.
        source: object_store::Error,
    },
    /// An object is there but cannot be understood.
    #[error("`{path}` in the warehouse cannot be read: {reason}")]
    Corrupt {
        /// Path below the warehouse.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A folder or URL that cannot be a warehouse, a glob that matches nothing, and the like.
    #[error("{0}")]
    Input(String),
}

impl EngineError {
    /// Whether the object asked for is not there.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        matches!(
            self,
            Self::Store {
                source: object_store::Error::NotFound { .. },
                ..
            }
        )
    }
}

impl From<DataFusionError> for EngineError {
    fn from(error: DataFusionError) -> Self {
        Self::Query(Box::new(error))
    }
}

impl From<EngineError> for DataFusionError {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Query(inner) => *inner,
            other => Self::External(Box::new(other)),
        }
    }
}
