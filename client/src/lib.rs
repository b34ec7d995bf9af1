//! The client library of Pannier: runs, models and SQL of a scheduler, over gRPC.
//!
//! Owns the connection, the mapping of gRPC errors to [`ClientError`], and following a run across
//! restarts of the scheduler ([`Follow`]), and decoding answers to queries into Arrow's batches
//! ([`Rows`]). It prints nothing, reads no files, and must stay free of the engine and the trainer:
//! notebooks, services and the command line build on it.
//!
//! ```no_run
//! # async fn demo() -> Result<(), pannier_client::ClientError> {
//! use futures::TryStreamExt;
//!
//! let client = pannier_client::Client::connect("http://127.0.0.1:50050").await?;
//! let run = client.submit("spec.toml", "name = \"grocery\"", "nightly-2026-01-01").await?;
//! let mut events = client.follow(&run.run_id, 0).into_stream();
//! while let Some(event) = events.try_next().await? {
//!     println!("{}: {:?}", event.offset, event.kind);
//! }
//! # Ok(())
//! # }
//! ```

mod answer;
mod ask;
mod client;
mod connect;
mod error;
mod follow;
mod sql;

pub use answer::{
    Audience, AudienceUser, Garbage, Info, Neighbour, Recommended, RecommendedItem, Similar,
    Submitted, Validation,
};
pub use ask::{AudienceAsked, PredictAsked, RecommendAsked};
pub use client::Client;
pub use error::ClientError;
pub use follow::Follow;
pub use sql::Rows;
