//! The warehouse, for threads that may block. Paths are relative to its root, a folder or a place
//! in an S3 bucket. No other file of this crate opens files.

use std::sync::Arc;

use bytes::Bytes;
use futures::TryStreamExt;
use object_store::path::Path;
use object_store::{Error, ObjectStore, ObjectStoreExt, PutPayload};
use pannier_store::Root;
use tokio::runtime::Handle;

use crate::error::TrainerError;

/// A warehouse. Its functions block and must not be called on a thread of the async runtime.
#[derive(Debug, Clone)]
pub struct Storage {
    store: Arc<dyn ObjectStore>,
    runtime: Handle,
}

impl Storage {
    /// Opens a warehouse: a folder's path, `file://` and a path, or `s3://bucket/prefix`.
    ///
    /// # Errors
    /// [`TrainerError::Config`] where there is no such folder or another kind of store is named.
    pub fn open(warehouse: &str, runtime: Handle) -> Result<Self, TrainerError> {
        let root = Root::open(warehouse, false).map_err(|e| TrainerError::Config {
            key: "warehouse",
            reason: e.to_string(),
        })?;
        Ok(Self {
            store: root.store,
            runtime,
        })
    }

    /// All bytes of an object.
    ///
    /// # Errors
    /// [`TrainerError::Storage`].
    pub fn get(&self, path: &str) -> Result<Bytes, TrainerError> {
        let read = async { self.store.get(&Path::from(path)).await?.bytes().await };
        self.runtime.block_on(read).map_err(failed("read", path))
    }

    /// Writes an object at once: a reader finds the old one, the new one, or none.
    ///
    /// # Errors
    /// [`TrainerError::Storage`].
    pub fn put(&self, path: &str, bytes: impl Into<Bytes>) -> Result<(), TrainerError> {
        let payload = PutPayload::from_bytes(bytes.into());
        self.runtime
            .block_on(self.store.put(&Path::from(path), payload))
            .map(|_| ())
            .map_err(failed("write", path))
    }

    /// Names of the objects right below a folder, sorted; none where there is no such folder.
    ///
    /// # Errors
    /// [`TrainerError::Storage`].
    pub fn names(&self, folder: &str) -> Result<Vec<String>, TrainerError> {
        let prefix = Path::from(folder);
        let list = self.store.list(Some(&prefix)).try_collect::<Vec<_>>();
        let objects = self
            .runtime
            .block_on(list)
            .map_err(failed("list", folder))?;
        let inside = |path: &Path| {
            let mut parts = path.prefix_match(&prefix)?;
            let name = parts.next()?.as_ref().to_owned();
            parts.next().is_none().then_some(name)
        };
        let mut names: Vec<String> = objects.iter().filter_map(|o| inside(&o.location)).collect();
        names.sort_unstable();
        Ok(names)
    }

    /// Removes an object; one that is not there is as good as removed.
    ///
    /// # Errors
    /// [`TrainerError::Storage`].
    pub fn delete(&self, path: &str) -> Result<(), TrainerError> {
        let deleted = self.runtime.block_on(self.store.delete(&Path::from(path)));
        match deleted {
            Err(Error::NotFound { .. }) => Ok(()),
            other => other.map_err(failed("remove", path)),
        }
    }

    /// The store, for what must be written in pieces.
    pub(crate) fn store(&self) -> Arc<dyn ObjectStore> {
        Arc::clone(&self.store)
    }

    /// The runtime that its futures run on.
    pub(crate) fn runtime(&self) -> &Handle {
        &self.runtime
    }
}

/// Turns an error of the store into ours.
pub(crate) fn failed<E: std::fmt::Display>(
    action: &'static str,
    path: &str,
) -> impl FnOnce(E) -> TrainerError {
    move |e| TrainerError::Storage {
        action,
        path: path.to_owned(),
        reason: e.to_string(),
    }
}
