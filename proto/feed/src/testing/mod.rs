//! For tests of whoever reads feeds: executors and a scheduler over real gRPC, in memory.

#![allow(clippy::unwrap_used, missing_docs)]

pub mod executor;
pub mod scheduler;

use std::net::SocketAddr;

use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio_stream::wrappers::TcpListenerStream;

/// A port of this machine's own.
///
/// # Panics
/// Where there is none.
#[must_use]
pub fn listen(runtime: &Runtime) -> (SocketAddr, TcpListenerStream) {
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    (
        listener.local_addr().unwrap(),
        TcpListenerStream::new(listener),
    )
}

/// A runtime of two threads.
///
/// # Panics
/// Where its threads cannot be started.
#[must_use]
pub fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
}
