//! DataFusion's way to the process's object stores: buckets as `pannier_store` opens them, files
//! of this machine, and nothing else.

use std::sync::Arc;

use datafusion::common::{exec_err, plan_datafusion_err};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::object_store::ObjectStoreRegistry;
use object_store::ObjectStore;
use object_store::local::LocalFileSystem;
use pannier_store::Stores;
use url::Url;

/// Finds stores by URL. All of a process's share their clients.
#[derive(Debug)]
pub struct Registry {
    files: Arc<dyn ObjectStore>,
}

impl Default for Registry {
    fn default() -> Self {
        Self {
            files: Arc::new(LocalFileSystem::new()),
        }
    }
}

impl ObjectStoreRegistry for Registry {
    /// None can be: the one that is there is given back as the one that was.
    fn register_store(&self, url: &Url, _: Arc<dyn ObjectStore>) -> Option<Arc<dyn ObjectStore>> {
        tracing::warn!(%url, "a store was to be registered; this process has its own");
        self.get_store(url).ok()
    }

    fn deregister_store(&self, url: &Url) -> Result<Arc<dyn ObjectStore>> {
        exec_err!("the store of `{url}` is the process's own and stays")
    }

    fn get_store(&self, url: &Url) -> Result<Arc<dyn ObjectStore>> {
        match (url.scheme(), url.host_str()) {
            ("file", _) => Ok(Arc::clone(&self.files)),
            ("s3", Some(bucket)) => Stores::of_process()
                .bucket(bucket)
                .map_err(|e| DataFusionError::External(Box::new(e))),
            _ => Err(plan_datafusion_err!(
                "`{url}` is neither a file nor s3://bucket/key"
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stores_are_found_and_shared() -> std::result::Result<(), Box<dyn std::error::Error>> {
        let (one, other) = (Registry::default(), Registry::default());
        let url = Url::parse("s3://some-bucket/a/b")?;
        let stores = (one.get_store(&url)?, other.get_store(&url)?);
        assert!(Arc::ptr_eq(&stores.0, &stores.1));
        let replaced = one.register_store(&url, one.get_store(&Url::parse("file:///")?)?);
        assert!(replaced.is_some_and(|s| Arc::ptr_eq(&s, &stores.0)));
        assert!(Arc::ptr_eq(&stores.0, &one.get_store(&url)?));
        for text in ["gs://b/x", "http://h/x", "s3:x"] {
            assert!(one.get_store(&Url::parse(text)?).is_err(), "{text}");
        }
        Ok(())
    }
}
