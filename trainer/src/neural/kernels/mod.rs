//! The trainer's own operations for neural models on the CPU, over slices of floats: forward and
//! backward in closed form, fused, packed and in parallel.
//!
//! They give the same bits on every processor and for every number of threads: work is cut into
//! pieces by size alone, sums have one order, and nothing is added up atomically. They know nothing
//! of tensors; `neural::ops` makes them operations of burn.

pub(crate) mod adam;
pub(crate) mod attend;
#[cfg(test)]
pub(crate) mod check;
pub(crate) mod lstm;
mod math;
pub(crate) mod output;
mod packing;
mod panels;
pub(crate) mod pool;
pub(crate) mod predict;
mod product;
mod simd;
mod targets;
mod tile;

pub use packing::Packing;
pub use pool::Baskets;
pub use targets::{Link, Targets};
