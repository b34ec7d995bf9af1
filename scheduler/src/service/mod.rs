//! The gRPC services: decode, call, encode.

mod feeds;
mod profile;
mod registry;
mod runs;
mod sql;
mod workers;

pub use feeds::Feeds;
pub use profile::Profiles;
pub use registry::Registry;
pub use runs::Runs;
pub use sql::{Sql, queries};
pub use workers::Workers;
