//! The contracts of Pannier: what two parts must agree on, and nothing else.
//!
//! Wire types and clients (`wire`), specs, events, work, manifests, the layout of the warehouse,
//! and the pure order of a feed. No IO, and none of the heavy crates: every role depends on this
//! one, the thin client on nothing more.

pub mod config;
pub mod event;
pub mod feed;
pub mod ids;
pub mod manifest;
pub mod metrics;
pub mod objects;
pub mod profile;
pub mod ranking;
pub mod segments;
pub mod spec;
pub mod status;
pub mod work;

/// Generated messages, clients and servers of the control plane and the feed.
#[allow(
    missing_docs,
    clippy::all,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::todo
)]
pub mod wire {
    tonic::include_proto!("pannier.v1");
}

/// Largest message on any of our connections, in bytes: the four places where Ballista has such
/// a limit are set to the same number.
pub const MAX_MESSAGE_BYTES: usize = 128 << 20;
