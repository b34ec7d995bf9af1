//! The feed's port on threads of its own: however many trainers read, tasks of the engine never wait
//! for one of them, and a busy engine does not keep batches from the wire. Beside the feed it answers
//! `/metrics` and `/healthz`.

use std::io;
use std::time::Duration;

use arrow_flight::flight_service_server::FlightServiceServer;
use axum::http::StatusCode;
use axum::routing::get;
use pannier_proto::MAX_MESSAGE_BYTES;
use pannier_proto::metrics::answer;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::service::Routes;
use tonic::transport::Server;

use crate::feed::service::FeedService;

/// A peer that does not answer for so long is gone, and its streams with it.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// A feed being served. Dropped, it ends.
pub struct FeedServer {
    /// There until it is dropped.
    runtime: Option<Runtime>,
    serving: JoinHandle<Result<(), tonic::transport::Error>>,
}

impl FeedServer {
    /// Serves on a listener that was bound on another runtime.
    ///
    /// # Errors
    /// Where threads cannot be started or the listener cannot be taken over.
    pub fn start(service: FeedService, listener: TcpListener, threads: usize) -> io::Result<Self> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(threads.max(1))
            .thread_name("feed-io")
            .enable_all()
            .build()?;
        let listener = listener.into_std()?;
        let listener = {
            let _inside = runtime.enter();
            TcpListener::from_std(listener)?
        };
        let served = service.clone();
        let metrics = move || async move { answer(served.metrics()) };
        let service = FlightServiceServer::new(service)
            .max_decoding_message_size(MAX_MESSAGE_BYTES)
            .max_encoding_message_size(MAX_MESSAGE_BYTES);
        let routes = Routes::new(service)
            .into_axum_router()
            .route("/metrics", get(metrics))
            .route("/healthz", get(|| async { StatusCode::OK }));
        let serving = runtime.spawn(
            Server::builder()
                .http2_keepalive_interval(Some(KEEP_ALIVE))
                .http2_keepalive_timeout(Some(KEEP_ALIVE))
                // The pages are asked for by browsers and the like.
                .accept_http1(true)
                .add_routes(Routes::from(routes))
                .serve_with_incoming(TcpListenerStream::new(listener)),
        );
        Ok(Self {
            runtime: Some(runtime),
            serving,
        })
    }

    /// Waits until it ends by itself, and says why it did.
    pub async fn ended(mut self) -> String {
        match (&mut self.serving).await {
            Ok(Ok(())) => "it ended".to_owned(),
            Ok(Err(error)) => error.to_string(),
            Err(error) => error.to_string(),
        }
    }
}

impl Drop for FeedServer {
    fn drop(&mut self) {
        // Waiting for its threads is not for a thread of another runtime to do.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
