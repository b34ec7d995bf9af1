//! The warehouse: objects below a root, which is a folder or a place in an S3 bucket. Writes are
//! atomic: a reader sees a whole object or none.

use std::path::Path as FsPath;
use std::sync::Arc;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use object_store::buffered::BufWriter;
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt, PutMode, PutPayload};
use pannier_store::Root;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::EngineError;

/// Parts of 10 MiB that a writer holds while they are sent. Many objects are written at a time.
const PARTS_ON_THEIR_WAY: usize = 2;

/// An object below the warehouse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectInfo {
    /// Path below the root.
    pub path: String,
    /// Bytes.
    pub bytes: u64,
}

/// A warehouse.
#[derive(Debug, Clone)]
pub struct Warehouse {
    root: Root,
}

impl Warehouse {
    /// Opens a warehouse: a path or a `file://` URL, whose folder is made where need be, or
    /// `s3://bucket/prefix`, of which nothing is asked yet.
    ///
    /// # Errors
    /// Where the root is of another kind, or the folder cannot be made.
    pub fn open(root: &str) -> Result<Self, EngineError> {
        let opened = Root::open(root, true);
        let root = opened.map_err(|e| EngineError::Input(format!("the warehouse {e}")))?;
        Ok(Self { root })
    }

    /// Whether the root answers: for a role that is about to start.
    ///
    /// # Errors
    /// Where it does not, with what to do.
    pub async fn reached(&self) -> Result<(), EngineError> {
        match self.root.store.list(None).next().await {
            Some(Err(source)) => Err(EngineError::Store {
                path: self.root(),
                source,
            }),
            _ => Ok(()),
        }
    }

    /// The root, as it is handed to other processes.
    #[must_use]
    pub fn root(&self) -> String {
        self.root.text.clone()
    }

    /// The store below the root.
    #[must_use]
    pub fn store(&self) -> Arc<dyn ObjectStore> {
        Arc::clone(&self.root.store)
    }

    /// URL of an object for the query engine.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("{}/{path}", self.root.url)
    }

    /// Reads an object.
    ///
    /// # Errors
    /// Where it is not there or cannot be read.
    pub async fn get(&self, path: &str) -> Result<Bytes, EngineError> {
        let found = self.root.store.get(&Path::from(path)).await;
        let found = found.map_err(at(path))?;
        found.bytes().await.map_err(at(path))
    }

    /// blake3 of an object's bytes, in hex; the object is not held in memory.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub async fn digest(&self, path: &str) -> Result<String, EngineError> {
        let found = self.root.store.get(&Path::from(path)).await;
        let mut pieces = found.map_err(at(path))?.into_stream();
        let mut hasher = blake3::Hasher::new();
        while let Some(piece) = pieces.try_next().await.map_err(at(path))? {
            hasher.update(&piece);
        }
        Ok(hasher.finalize().to_hex().to_string())
    }

    /// Reads an object of JSON.
    ///
    /// # Errors
    /// As [`Self::get`], and where it is no such JSON.
    pub async fn get_json<T: DeserializeOwned>(&self, path: &str) -> Result<T, EngineError> {
        let bytes = self.get(path).await?;
        serde_json::from_slice(&bytes).map_err(|e| EngineError::Corrupt {
            path: path.to_owned(),
            reason: e.to_string(),
        })
    }

    /// [`Self::get_json`], with `None` where there is no such object.
    ///
    /// # Errors
    /// As [`Self::get_json`].
    pub async fn find_json<T: DeserializeOwned>(
        &self,
        path: &str,
    ) -> Result<Option<T>, EngineError> {
        match self.get_json(path).await {
            Ok(value) => Ok(Some(value)),
            Err(e) if e.is_not_found() => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// Writes an object, over one that is there.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub async fn put(&self, path: &str, bytes: impl Into<Bytes>) -> Result<(), EngineError> {
        let payload = PutPayload::from_bytes(bytes.into());
        let put = self.root.store.put(&Path::from(path), payload).await;
        put.map(|_| ()).map_err(at(path))
    }

    /// An object to be written bit by bit; nothing is there until it is shut down. What is large
    /// goes to a bucket in parts while more is written.
    #[must_use]
    pub fn writer(&self, path: &str) -> BufWriter {
        BufWriter::new(self.store(), Path::from(path)).with_max_concurrency(PARTS_ON_THEIR_WAY)
    }

    /// Writes an object of JSON unless there is one. False: there was one, and it stays. In a
    /// bucket true may also mean that the very same bytes were there, since the answer to an
    /// earlier put of ours may have been lost.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub async fn put_json_if_absent<T: Serialize>(
        &self,
        path: &str,
        value: &T,
    ) -> Result<bool, EngineError> {
        let json = serde_json::to_vec_pretty(value).map_err(|e| EngineError::Corrupt {
            path: path.to_owned(),
            reason: e.to_string(),
        })?;
        let payload = PutPayload::from_bytes(json.into());
        match self
            .root
            .store
            .put_opts(&Path::from(path), payload, PutMode::Create.into())
            .await
        {
            Ok(_) => Ok(true),
            Err(object_store::Error::AlreadyExists { .. }) => Ok(false),
            Err(source) => Err(at(path)(source)),
        }
    }

    /// Bytes of an object.
    ///
    /// # Errors
    /// Where it is not there, or the store cannot say.
    pub async fn size(&self, path: &str) -> Result<u64, EngineError> {
        let head = self.root.store.head(&Path::from(path)).await;
        head.map(|m| m.size).map_err(at(path))
    }

    /// Whether an object is there.
    ///
    /// # Errors
    /// Where the store cannot say.
    pub async fn exists(&self, path: &str) -> Result<bool, EngineError> {
        Ok(self.find(path).await?.is_some())
    }

    /// What the store knows of an object; none where it is not there.
    async fn find(&self, path: &str) -> Result<Option<ObjectMeta>, EngineError> {
        match self.root.store.head(&Path::from(path)).await {
            Ok(meta) => Ok(Some(meta)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(source) => Err(at(path)(source)),
        }
    }

    /// All objects below a folder, sorted by path.
    ///
    /// # Errors
    /// Where the store cannot list.
    pub async fn list(&self, folder: &str) -> Result<Vec<ObjectInfo>, EngineError> {
        let prefix = (!folder.is_empty()).then(|| Path::from(folder));
        let mut found: Vec<ObjectInfo> = self
            .root
            .store
            .list(prefix.as_ref())
            .map_ok(|m| ObjectInfo {
                path: m.location.to_string(),
                bytes: m.size,
            })
            .try_collect()
            .await
            .map_err(at(folder))?;
        found.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(found)
    }

    /// Names of the folders right below a folder, sorted.
    ///
    /// # Errors
    /// Where the store cannot list.
    pub async fn folders(&self, folder: &str) -> Result<Vec<String>, EngineError> {
        let prefix = Path::from(folder);
        let listed = self.root.store.list_with_delimiter(Some(&prefix));
        let listed = listed.await.map_err(at(folder))?;
        let names = listed.common_prefixes.iter();
        let mut names: Vec<String> = names
            .filter_map(|p| p.filename().map(str::to_owned))
            .collect();
        names.sort();
        Ok(names)
    }

    /// When an object was written, in milliseconds since 1970, UTC; none where it is not there.
    ///
    /// # Errors
    /// Where the store cannot say.
    pub async fn written_ms(&self, path: &str) -> Result<Option<i64>, EngineError> {
        let found = self.find(path).await?;
        Ok(found.map(|meta| meta.last_modified.timestamp_millis()))
    }

    /// Removes an object; one that is not there is as good as removed.
    ///
    /// # Errors
    /// Where the store cannot remove it.
    pub async fn delete(&self, path: &str) -> Result<(), EngineError> {
        match self.root.store.delete(&Path::from(path)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(source) => Err(at(path)(source)),
        }
    }

    /// Files of writes that were cut off, which a folder's store does not show as objects. With
    /// `remove` they are gone afterwards: nobody may be writing then. A bucket has none that could
    /// be seen here; a rule of its own should end uploads that nobody completes.
    ///
    /// # Errors
    /// Where the folder cannot be read, or a file not removed.
    pub async fn cut_off(&self, remove: bool) -> Result<Vec<ObjectInfo>, EngineError> {
        let Some(root) = self.root.folder.clone() else {
            return Ok(Vec::new());
        };
        let found = tokio::task::spawn_blocking(move || {
            let mut found = Vec::new();
            drafts(&root, &root, &mut found)?;
            for draft in found.iter().filter(|_| remove) {
                std::fs::remove_file(root.join(&draft.path))?;
            }
            std::io::Result::Ok(found)
        });
        let failed = |e: &dyn std::fmt::Display| {
            EngineError::Input(format!("the warehouse cannot be searched: {e}"))
        };
        found.await.map_err(|e| failed(&e))?.map_err(|e| failed(&e))
    }

    /// Removes everything below a folder.
    ///
    /// # Errors
    /// Where the store cannot list or remove.
    pub async fn delete_all(&self, folder: &str) -> Result<u64, EngineError> {
        let objects = self.list(folder).await?;
        for object in &objects {
            self.delete(&object.path).await?;
        }
        Ok(objects.iter().map(|o| o.bytes).sum())
    }
}

/// Says which object the store failed at.
fn at(path: &str) -> impl Fn(object_store::Error) -> EngineError {
    move |source| EngineError::Store {
        path: path.to_owned(),
        source,
    }
}

/// The local store writes to `<name>#<number>` and renames at the end.
fn drafts(root: &FsPath, folder: &FsPath, found: &mut Vec<ObjectInfo>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        if entry.file_type()?.is_dir() {
            drafts(root, &path, found)?;
            continue;
        }
        let name = entry.file_name().to_string_lossy().into_owned();
        let number = name.rsplit_once('#').map(|(_, number)| number);
        if number.is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit())) {
            let below = path.strip_prefix(root).unwrap_or(&path);
            found.push(ObjectInfo {
                path: below.display().to_string(),
                bytes: entry.metadata()?.len(),
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn writes_that_were_cut_off_are_found() -> Result<(), Box<dyn std::error::Error>> {
        let dir = tempfile::tempdir()?;
        let warehouse = Warehouse::open(&dir.path().display().to_string())?;
        warehouse.put("tables/t/v/part-0.parquet", "whole").await?;
        std::fs::write(dir.path().join("tables/t/v/part-1.parquet#1"), "half")?;
        let paths = |infos: Vec<ObjectInfo>| infos.into_iter().map(|i| i.path).collect::<Vec<_>>();
        assert_eq!(
            paths(warehouse.list("").await?),
            ["tables/t/v/part-0.parquet"]
        );
        for remove in [false, true] {
            assert_eq!(
                paths(warehouse.cut_off(remove).await?),
                ["tables/t/v/part-1.parquet#1"]
            );
        }
        assert!(warehouse.cut_off(false).await?.is_empty());
        assert_eq!(warehouse.get("tables/t/v/part-0.parquet").await?, "whole");
        Ok(())
    }
}
