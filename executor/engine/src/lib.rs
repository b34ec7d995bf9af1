//! The SQL engine of Pannier: what scheduler and executors must share to plan and run the same
//! query. Session factory, SQL functions, the narrow operators of our own (read raw files, write
//! a table version, generate) with their codec, and the catalog of committed tables.
//!
//! It must not know runs, trainers or gRPC: the scheduler plans with it, the executor runs it.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod align;
pub mod catalog;
pub mod codec;
pub mod error;
pub mod exec;
pub mod functions;
pub mod generate;
pub mod narrow;
pub mod ops;
pub mod ordered;
pub mod raw;
pub mod registry;
pub mod row_sql;
pub mod session;
pub mod table;
pub mod together;
pub mod warehouse;

pub use error::EngineError;

#[cfg(test)]
mod slt;
