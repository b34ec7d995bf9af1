//! Where objects lie: folders of a machine and S3 buckets, opened here for scheduler, executors
//! and trainers alike. One client per bucket and process, with retries, time-outs and answers that
//! got lost handled below whoever asks.
//!
//! Credentials, region and endpoint come from the environment or the machine's role (`AWS_*`),
//! never from a spec, a config or a URL, and are in no error and no log. Of its own here: a crate
//! that must not reach this one reaches no object store, and trainers reach S3 without an SQL
//! engine.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod advice;
pub mod config;
mod durable;
mod error;
mod location;
pub mod object;
mod root;
mod stores;
#[cfg(test)]
mod testing;

pub use config::StoreConfig;
pub use error::StoreError;
pub use location::{Location, is_url};
pub use object::Object;
pub use root::Root;
pub use stores::{Stores, configure};
