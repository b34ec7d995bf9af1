//! Source and warehouse in a bucket, behind a server that refuses, cuts and forgets to answer.
//!
//! The server is s3s-fs (crates.io): it is Rust, so it comes with the build and needs no Python, no
//! Java and no download besides crates; it keeps objects as plain files, which the tests here read
//! and write beside it; and it knows what Pannier asks of S3: signatures, ranges, uploads in parts
//! and conditional puts. It does not know `If-Match` of a GET, and lists no ETags: the unit tests
//! of `pannier-store` have a server for the first, and the second is what makes Pannier ask again.
//! Its faults are made by a proxy before it, at every n-th request, on real connections.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod cluster;
mod faults;
mod refused;
mod server;
mod whole;
