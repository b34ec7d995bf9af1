//! The trainer of Pannier: the models.
//!
//! A trainer leases work from the scheduler ([`serve`]), reads its batches from the executors'
//! feed, trains or ranks, and writes what came of it into the warehouse. It plans nothing and
//! decides nothing about runs.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod als;
mod artifact;
mod attempt;
mod checkpoint;
mod columns;
mod config;
mod csv_file;
pub mod cust2vec;
mod decisions;
mod device;
mod epochs;
mod error;
mod feed;
mod lanes;
mod names;
pub mod neural;
mod next_basket;
mod predict;
pub mod prod2vec;
mod report;
mod segmentation;
pub mod segments;
mod serve;
mod session;
mod sgns;
mod storage;
mod table_file;
mod tensors;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
#[cfg(feature = "tch")]
mod torch;
mod train;
mod vocab;

pub use config::TrainerConfig;
pub use device::Device;
pub use error::TrainerError;
pub use serve::serve;
