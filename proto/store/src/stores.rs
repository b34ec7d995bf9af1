//! The registry: one client per bucket, made when it is first asked for and kept by the process.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::{BackoffConfig, ClientConfigKey, ObjectStore, RetryConfig};

use crate::config::StoreConfig;
use crate::durable::Durable;
use crate::error::StoreError;

static PROCESS: OnceLock<Stores> = OnceLock::new();

/// Says how patient this process is. The first role to start says it for all; a process that
/// nobody told has the defaults.
///
/// # Errors
/// [`StoreError::Differs`] where it was said otherwise before.
pub fn configure(config: &StoreConfig) -> Result<(), StoreError> {
    let said = PROCESS.get_or_init(|| Stores::new(config.clone()));
    if said.config == *config {
        return Ok(());
    }
    Err(StoreError::Differs)
}

/// Clients by bucket.
#[derive(Debug, Default)]
pub struct Stores {
    config: StoreConfig,
    clients: Mutex<HashMap<String, Arc<dyn ObjectStore>>>,
}

impl Stores {
    /// A registry without clients.
    #[must_use]
    pub fn new(config: StoreConfig) -> Self {
        Self {
            config,
            clients: Mutex::default(),
        }
    }

    /// The registry of this process. Of one only, since credentials and endpoint are the
    /// process's too.
    #[must_use]
    pub fn of_process() -> &'static Self {
        PROCESS.get_or_init(Self::default)
    }

    /// The client of a bucket. Nothing is asked of the store yet.
    ///
    /// # Errors
    /// Where the environment says something that no client can be made of.
    pub fn bucket(&self, bucket: &str) -> Result<Arc<dyn ObjectStore>, StoreError> {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(bucket) {
            return Ok(Arc::clone(client));
        }
        let client = self.client(AmazonS3Builder::from_env(), bucket)?;
        clients.insert(bucket.to_owned(), Arc::clone(&client));
        Ok(client)
    }

    /// A new client.
    pub(crate) fn client(
        &self,
        builder: AmazonS3Builder,
        bucket: &str,
    ) -> Result<Arc<dyn ObjectStore>, StoreError> {
        let made = self.patient(builder).with_bucket_name(bucket).build();
        let inner = made.map_err(|source| StoreError::Store {
            url: format!("s3://{bucket}"),
            source,
        })?;
        Ok(Arc::new(Durable::new(
            Arc::new(inner),
            bucket,
            &self.config,
        )))
    }

    /// Our patience over what the builder has from elsewhere.
    fn patient(&self, builder: AmazonS3Builder) -> AmazonS3Builder {
        let millis = |span: Duration| format!("{}ms", span.as_millis());
        let key = AmazonS3ConfigKey::Client;
        builder
            .with_retry(RetryConfig {
                backoff: BackoffConfig {
                    init_backoff: self.config.backoff.0,
                    max_backoff: self.config.backoff_limit.0,
                    ..BackoffConfig::default()
                },
                max_retries: self.config.retries,
                retry_timeout: self.config.retry_for.0,
            })
            .with_config(
                key(ClientConfigKey::ConnectTimeout),
                millis(self.config.connect_timeout.0),
            )
            .with_config(
                key(ClientConfigKey::Timeout),
                millis(self.config.request_timeout.0),
            )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_has_one_client() -> Result<(), StoreError> {
        let stores = Stores::default();
        let (first, again) = (stores.bucket("a")?, stores.bucket("a")?);
        assert!(Arc::ptr_eq(&first, &again));
        assert!(!Arc::ptr_eq(&first, &stores.bucket("b")?));
        Ok(())
    }

    #[test]
    fn patience_reaches_the_client() {
        let config = StoreConfig::default();
        let builder = Stores::new(config).patient(AmazonS3Builder::new());
        let value = |key| builder.get_config_value(&AmazonS3ConfigKey::Client(key));
        assert_eq!(value(ClientConfigKey::Timeout).as_deref(), Some("60000ms"));
        assert_eq!(
            value(ClientConfigKey::ConnectTimeout).as_deref(),
            Some("5000ms")
        );
    }
}
