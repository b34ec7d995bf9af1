//! Feeds under fire: whoever is killed, stopped, cut off or replaced while somebody reads, every
//! batch is the one that an undisturbed reader gets, and nobody waits for longer than was said.
//! Every test makes sure that its fault really hit. How far a silent process has come is what Linux
//! tells of it, so these tests are Linux's.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod alone;
mod executors;
mod memory;
mod metrics;
mod namespace;
mod network;
mod python;
mod reading;
mod replicas;
mod schedulers;
mod specs;
mod trainings;
