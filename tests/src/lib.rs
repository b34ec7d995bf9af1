//! Starts the real binary `pannier` as the processes of a cluster, hurts them, and compares what
//! comes out with a run that nobody disturbed.
//!
//! It must stay light: the program is found beside the tests and never linked into them. One test
//! at a time uses processes (a lock on a file), so that tests may be started in any number.

mod cluster;
mod outcome;
mod page;
mod program;
mod roles;
mod shared;
mod wait;

pub use cluster::{Cluster, Options, on_cluster};
pub use outcome::Outcome;
pub use page::page;
pub use program::{Process, Ran, command, finished, pannier, ran, sh};
pub use shared::{Shared, shared};
pub use wait::eventually;
