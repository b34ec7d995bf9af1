//! The executor: Ballista's executor and, on a port of its own, the feed.
//!
//! It moves rows and decides nothing: which plans run is Ballista's scheduler's business, which
//! batches are asked for is the trainers'.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod announce;
mod ballista;
mod config;
mod error;
pub mod feed;
mod serve;
mod shuffle;

pub use config::ExecutorConfig;
pub use error::ExecutorError;
pub use serve::serve;
