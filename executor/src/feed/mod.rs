//! The feed: any step of any epoch, by ticket, the same bytes on every executor.
//!
//! `definition` finds what a ticket speaks of, `rows` reads and keeps decoded row groups (through
//! `cache` and `part`), `gather` picks a step's rows out of them, `stream` makes the steps of a
//! ticket ahead of the wire when it is its turn (`turns`), `service` is Flight, `server` gives it threads of
//! its own. None of it schedules anything.

mod cache;
pub mod definition;
mod gather;
mod metrics;
mod part;
pub mod rows;
pub mod server;
pub mod service;
pub mod stream;
#[cfg(test)]
mod tests;
mod turns;
