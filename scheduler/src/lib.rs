//! The scheduler: Ballista's scheduler and the control plane on one port.
//!
//! It decides and moves no rows: what a run consists of (`plan`), what happens next (`run`), which
//! trainer works on what (`trainers`), what is published (`registry`). Tables are written by
//! executors, models by trainers; the scheduler hands out the work and keeps the record.

mod check;
mod cluster;
mod config;
mod decisions;
mod driver;
mod error;
mod executors_only;
mod feeds;
mod jobs;
mod layout;
mod neighbours;
mod offers;
mod operators;
mod plan;
mod profile;
mod published;
mod recommend;
pub mod report;
mod results;
mod run;
mod serve;
mod service;
mod slots;
mod sql;
mod step;
mod store;
mod trainers;

pub use config::SchedulerConfig;
pub use error::SchedulerError;
pub use serve::serve;

#[cfg(test)]
mod slt;
#[cfg(test)]
mod testing;
