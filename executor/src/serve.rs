//! Puts the executor together: Ballista's part, the feed, and the announcement of the feed.

use std::future::Future;

use pannier_engine::warehouse::Warehouse;
use pannier_proto::wire::FeedEndpoint;
use tokio::net::TcpListener;

use crate::config::ExecutorConfig;
use crate::error::ExecutorError;
use crate::feed::server::FeedServer;
use crate::feed::service::FeedService;
use crate::{announce, ballista};

/// Serves until `shutdown`. The feed's listener is bound by the caller.
///
/// # Errors
/// Where a port or folder cannot be used, or the scheduler is lost.
pub async fn serve(
    config: ExecutorConfig,
    feed_listener: TcpListener,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), ExecutorError> {
    pannier_store::configure(&config.store).map_err(|e| ExecutorError::Config(e.to_string()))?;
    let warehouse =
        Warehouse::open(&config.warehouse).map_err(|e| ExecutorError::Config(e.to_string()))?;
    let reached = warehouse.reached().await;
    reached.map_err(|e| ExecutorError::Config(e.to_string()))?;
    let port = feed_listener
        .local_addr()
        .map_err(|e| ExecutorError::Serve(e.to_string()))?
        .port();
    let executor_id = uuid_text();
    let endpoint = FeedEndpoint {
        executor_id: executor_id.clone(),
        url: format!("http://{}:{port}", config.external_host),
    };
    let service =
        FeedService::new(warehouse, &config).map_err(|e| ExecutorError::Serve(e.to_string()))?;
    let feed = FeedServer::start(service, feed_listener, config.feed_threads)
        .map_err(|e| ExecutorError::Serve(e.to_string()))?;
    tracing::info!(feed = %endpoint.url, scheduler = %config.scheduler, "executor starts");
    tokio::select! {
        reason = feed.ended() => Err(ExecutorError::Serve(reason)),
        ended = ballista::run(&config, executor_id) => ended,
        () = announce::run(config.scheduler.clone(), endpoint, config.heartbeat.0) => Err(ExecutorError::Config(format!("scheduler `{}` is no URL", config.scheduler))),
        () = shutdown => Ok(()),
    }
}

/// Executor ids are random: a scheduler refuses one it has seen before.
fn uuid_text() -> String {
    uuid::Uuid::new_v4().to_string()
}
