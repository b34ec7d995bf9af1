//! The root that a role works below: a folder or a place in a bucket, behind one interface.

use std::path::PathBuf;
use std::sync::Arc;

use object_store::ObjectStore;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::prefix::PrefixStore;

use crate::error::StoreError;
use crate::location::Location;
use crate::stores::Stores;

/// A root. Paths of its store are below it.
#[derive(Debug, Clone)]
pub struct Root {
    /// The store.
    pub store: Arc<dyn ObjectStore>,
    /// How another process opens the same root.
    pub text: String,
    /// Its URL, without a slash at its end.
    pub url: String,
    /// The folder, where it is one of this machine.
    pub folder: Option<PathBuf>,
}

impl Root {
    /// Opens a root: a path, `file://` and a path, or `s3://bucket/prefix`. With `make` a folder
    /// that is not there is made. Nothing is asked of a bucket yet.
    ///
    /// # Errors
    /// Where the text names no such place, or the folder is none or cannot be made.
    pub fn open(text: &str, make: bool) -> Result<Self, StoreError> {
        match Location::parse(text)? {
            Location::Folder(folder) => Self::folder(text, folder, make),
            Location::Bucket { bucket, key } => {
                let store = Stores::of_process().bucket(&bucket)?;
                let prefix = Path::parse(&key).map_err(|e| unusable(text, &e))?;
                let url = format!("s3://{bucket}/{prefix}");
                let url = url.trim_end_matches('/').to_owned();
                Ok(Self {
                    store: if prefix.as_ref().is_empty() {
                        store
                    } else {
                        Arc::new(PrefixStore::new(store, prefix))
                    },
                    text: url.clone(),
                    url,
                    folder: None,
                })
            }
        }
    }

    fn folder(text: &str, folder: PathBuf, make: bool) -> Result<Self, StoreError> {
        if make {
            std::fs::create_dir_all(&folder).map_err(|e| unusable(text, &e))?;
        }
        let folder = std::fs::canonicalize(folder).map_err(|e| unusable(text, &e))?;
        let store = LocalFileSystem::new_with_prefix(&folder).map_err(|e| unusable(text, &e))?;
        Ok(Self {
            store: Arc::new(store),
            text: folder.display().to_string(),
            url: format!("file://{}", folder.display()),
            folder: Some(folder),
        })
    }
}

fn unusable(text: &str, error: &dyn std::fmt::Display) -> StoreError {
    StoreError::Place {
        what: format!("`{text}`"),
        reason: error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roots_have_a_text_for_others_and_a_url() -> Result<(), Box<dyn std::error::Error>> {
        let dir = tempfile::tempdir()?;
        let text = dir.path().join("made").display().to_string();
        assert!(Root::open(&text, false).is_err());
        let root = Root::open(&text, true)?;
        assert_eq!(root.url, format!("file://{}", root.text));
        for text in ["s3://b/p/q", "s3://b/p/q/", "s3://b", "s3://b/"] {
            let root = Root::open(text, false)?;
            assert_eq!(root.text, text.trim_end_matches('/'));
            assert_eq!((root.url, root.folder), (root.text, None));
        }
        Ok(())
    }
}
