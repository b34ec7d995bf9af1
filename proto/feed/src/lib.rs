//! Reading feeds: the transforms of record batches, the digests that prove what was read, and the
//! reader that asks executors for steps and goes on at the next one when one dies.
//!
//! It owns no order (that is `pannier_proto::feed`), reads no table and serves nothing. Trainers, the
//! client and executors share it, so that a transform is the same code wherever it runs.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod digest;
mod error;
pub mod reader;
pub mod testing;
pub mod transform;

pub use error::{FeedError, TransformError};
