//! The feed: any step of any epoch, by ticket, the same bytes on every executor.
//!
//! `definition` finds what a ticket speaks of, `window` reads and keeps decoded windows,
//! `transform` makes a step's batch of rows, `service` is Flight. None of it schedules anything.

pub mod definition;
mod part;
pub mod service;
pub mod transform;
pub mod window;
