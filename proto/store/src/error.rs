//! What can go wrong on the way to an object, by what can be done about it.

/// Why an object or its store cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A text that is no place of objects.
    #[error("{what} cannot be used: {reason}")]
    Place {
        /// The text, or what it was where it may hold a secret.
        what: String,
        /// What is wrong with it and what would be right.
        reason: String,
    },
    /// The store did not do what it was asked.
    #[error("`{url}` cannot be used: {source}")]
    Store {
        /// Which object or root.
        url: String,
        /// What the store said, and what to do.
        source: object_store::Error,
    },
    /// An object is not what it was when it was first looked at.
    #[error("`{url}` changed while it was read; run again once nobody writes to it")]
    Changed {
        /// Which object.
        url: String,
    },
    /// An object is not there, or not any more.
    #[error("`{url}` is not there (any more)")]
    Gone {
        /// Which object.
        url: String,
    },
    /// Roles of one process ask for different patience.
    #[error(
        "the roles of this process say differently how object stores are reached; give each the same `store` table"
    )]
    Differs,
}

impl StoreError {
    /// The store's error about an object.
    pub(crate) fn of(url: &str, source: object_store::Error) -> Self {
        let url = url.to_owned();
        match source {
            object_store::Error::NotFound { ref source, .. }
                if !source.to_string().contains("NoSuchBucket") =>
            {
                Self::Gone { url }
            }
            object_store::Error::Precondition { .. } => Self::Changed { url },
            source => Self::Store { url, source },
        }
    }
}

impl From<StoreError> for std::io::Error {
    fn from(error: StoreError) -> Self {
        Self::other(error)
    }
}
