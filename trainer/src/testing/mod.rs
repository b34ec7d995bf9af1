//! What tests need around a trainer: executors that serve a feed over real gRPC and fail as told,
//! a scheduler, and a warehouse with a vocab.

pub(crate) mod executor;
pub(crate) mod scheduler;
pub(crate) mod warehouse;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use pannier_proto::config::{ByteSize, Span};
use pannier_proto::work::{FeedAddress, WorkReport};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio_stream::wrappers::TcpListenerStream;
use tokio_util::sync::CancellationToken;

use crate::config::TrainerConfig;
use crate::feed::{Directory, FeedContext};
use crate::report::Reporter;

/// A port of this machine's own.
pub(crate) fn listen(runtime: &Runtime) -> (SocketAddr, TcpListenerStream) {
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    (
        listener.local_addr().unwrap(),
        TcpListenerStream::new(listener),
    )
}

pub(crate) fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
}

/// Limits that a busy machine keeps; a test of a limit sets it.
pub(crate) fn config() -> TrainerConfig {
    TrainerConfig {
        threads: 2,
        feed_timeout: Span(Duration::from_secs(30)),
        feed_stall: Span(Duration::from_secs(20)),
        prefetch_bytes: ByteSize(1 << 20),
        ..TrainerConfig::default()
    }
}

/// A context over these executors, and what is reported in it.
pub(crate) fn context(
    runtime: &Runtime,
    config: TrainerConfig,
    executors: Vec<FeedAddress>,
) -> (FeedContext, UnboundedReceiver<WorkReport>) {
    let (sender, reports) = unbounded_channel();
    let context = FeedContext {
        directory: Arc::new(Directory::new(executors, None)),
        config: Arc::new(config),
        runtime: runtime.handle().clone(),
        cancel: CancellationToken::new(),
        reporter: Reporter::new("attempt".into(), sender),
    };
    (context, reports)
}
