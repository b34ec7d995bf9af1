//! One object, read as it was when it was first looked at: in pieces, each asked for with the
//! version that was seen first, so that an object that is replaced meanwhile is an error and never
//! half the one and half the other.
//!
//! Pieces and no long body: every piece has its own time and retries, a slow reader holds no idle
//! connection, and what a cut connection still owes is asked for from the last byte on.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use object_store::path::Path;
use object_store::{Error, GetOptions, GetRange, ObjectStore, ObjectStoreExt};

use crate::error::StoreError;
use crate::location::Location;
use crate::stores::Stores;

mod blocks;
mod read;
#[cfg(test)]
mod tests;

pub use blocks::{BlockRead, Blocks};
pub use read::ObjectRead;

/// An object.
#[derive(Debug, Clone)]
pub struct Object {
    url: String,
    store: Arc<dyn ObjectStore>,
    path: Path,
    size: u64,
    e_tag: Option<String>,
}

impl Object {
    /// Looks at an object: its size and version are what it is from now on.
    ///
    /// # Errors
    /// Where the URL is none, or nothing is there or may be read.
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        let Location::Bucket { bucket, key } = Location::parse(url)? else {
            return Err(StoreError::Place {
                what: format!("`{url}`"),
                reason: "it is a file of this machine, not an object".to_owned(),
            });
        };
        let path = Path::parse(&key).map_err(|e| StoreError::Place {
            what: format!("`{url}`"),
            reason: e.to_string(),
        })?;
        Self::look(Stores::of_process().bucket(&bucket)?, path, url).await
    }

    pub(crate) async fn look(
        store: Arc<dyn ObjectStore>,
        path: Path,
        url: &str,
    ) -> Result<Self, StoreError> {
        let meta = store.head(&path).await;
        let meta = meta.map_err(|e| StoreError::of(url, e))?;
        Ok(Self {
            url: url.to_owned(),
            store,
            path,
            size: meta.size,
            e_tag: meta.e_tag,
        })
    }

    /// Bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The bytes of a range.
    ///
    /// # Errors
    /// [`StoreError::Changed`] and [`StoreError::Gone`] where the object is not what it was;
    /// otherwise what the store said after all retries.
    pub async fn get(&self, range: Range<u64>) -> Result<Bytes, StoreError> {
        if range.is_empty() {
            return Ok(Bytes::new());
        }
        let options = GetOptions {
            range: Some(GetRange::Bounded(range.clone())),
            if_match: self.e_tag.clone(),
            ..GetOptions::default()
        };
        let got = async {
            let got = self.store.get_opts(&self.path, options).await?;
            // A store may not know the condition; then its answer says which version it is of.
            let same = got.meta.e_tag == self.e_tag && got.meta.size == self.size;
            Ok::<_, Error>((same, got.bytes().await?))
        };
        match got.await {
            Ok((true, bytes)) if bytes.len() as u64 == range.end - range.start => Ok(bytes),
            Ok(_) => Err(StoreError::Changed {
                url: self.url.clone(),
            }),
            Err(error) => Err(self.why(error).await),
        }
    }

    /// A body that breaks off says nothing of an object that was replaced meanwhile.
    async fn why(&self, error: Error) -> StoreError {
        if !matches!(error, Error::Generic { .. }) {
            return StoreError::of(&self.url, error);
        }
        match self.store.head(&self.path).await {
            Ok(now) if now.e_tag != self.e_tag || now.size != self.size => StoreError::Changed {
                url: self.url.clone(),
            },
            Err(gone @ Error::NotFound { .. }) => StoreError::of(&self.url, gone),
            _ => StoreError::of(&self.url, error),
        }
    }
}
