//! Puts the scheduler together on one port: what executors need of Ballista's gRPC, ours, and the
//! health pages.

use std::fs::{File, TryLockError};
use std::future::Future;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use ballista_core::serde::protobuf::scheduler_grpc_server::SchedulerGrpcServer;
use pannier_engine::warehouse::Warehouse;
use pannier_proto::MAX_MESSAGE_BYTES;
use pannier_proto::metrics::answer;
use pannier_proto::wire::feed_service_server::FeedServiceServer;
use pannier_proto::wire::profile_service_server::ProfileServiceServer;
use pannier_proto::wire::registry_service_server::RegistryServiceServer;
use pannier_proto::wire::run_service_server::RunServiceServer;
use pannier_proto::wire::sql_service_server::SqlServiceServer;
use pannier_proto::wire::work_service_server::WorkServiceServer;
use tokio::net::TcpListener;
use tonic::service::RoutesBuilder;

use crate::cluster;
use crate::config::SchedulerConfig;
use crate::driver::Driver;
use crate::error::SchedulerError;
use crate::executors_only::ExecutorsOnly;
use crate::jobs::Jobs;
use crate::service::{Feeds, Profiles, Registry, Runs, Sql, Workers, queries};
use crate::step::StepContext;
use crate::store::Store;
use crate::trainers::Trainers;

/// How long queries may take to end when the scheduler does.
const LAST_WORDS: Duration = Duration::from_secs(3);

/// Serves until `shutdown`. Unfinished runs are taken up before the first request.
///
/// # Errors
/// Where state or warehouse cannot be used, or the port fails.
pub async fn serve(
    config: SchedulerConfig,
    listener: TcpListener,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), SchedulerError> {
    let port = listener
        .local_addr()
        .map_err(|e| SchedulerError::Refused(format!("the listener cannot be used: {e}")))?
        .port();
    pannier_store::configure(&config.store).map_err(|e| SchedulerError::Refused(e.to_string()))?;
    let warehouse = Warehouse::open(&config.warehouse)?;
    warehouse.reached().await?;
    let store = Store::open(&config.state)?;
    let _lock = lock(&config.state)?;
    let (ballista, ended) = cluster::ballista(&config, warehouse.clone(), port).await?;
    let context = StepContext {
        store: store.clone(),
        jobs: Jobs::new(ballista.clone(), ended, warehouse.clone(), &config),
        trainers: Trainers::default(),
    };
    let driver = Driver::new(context.clone());
    let recovered = if config.take_up { driver.recover()? } else { 0 };
    tracing::info!(port, warehouse = %warehouse.root(), recovered, "scheduler serves");

    let mut routes = RoutesBuilder::default();
    routes.add_service(
        SchedulerGrpcServer::new(ExecutorsOnly(ballista))
            .max_decoding_message_size(MAX_MESSAGE_BYTES)
            .max_encoding_message_size(MAX_MESSAGE_BYTES),
    );
    routes.add_service(
        RunServiceServer::new(Runs::new(context.clone(), driver))
            .max_decoding_message_size(MAX_MESSAGE_BYTES),
    );
    routes.add_service(
        FeedServiceServer::new(Feeds::new(context.clone()))
            .max_encoding_message_size(MAX_MESSAGE_BYTES),
    );
    routes.add_service(ProfileServiceServer::new(Profiles::new(context.clone())));
    routes.add_service(RegistryServiceServer::new(Registry::new(context.clone())));
    let (queries, queries_end) = queries();
    routes.add_service(SqlServiceServer::new(Sql::new(
        context.clone(),
        config.sql_limit,
        config.sql_patience.0,
        queries,
    )));
    routes.add_service(
        WorkServiceServer::new(Workers::new(
            context.trainers.clone(),
            config.trainer_timeout.0,
        ))
        .max_decoding_message_size(MAX_MESSAGE_BYTES),
    );
    let jobs = context.jobs.clone();
    let ready = move || async move {
        if jobs.ready() {
            StatusCode::OK
        } else {
            StatusCode::SERVICE_UNAVAILABLE
        }
    };
    let trainers = context.trainers.clone();
    let metrics = move || async move { answer(trainers.metrics()) };
    let app = Router::new()
        .route("/healthz", get(|| async { StatusCode::OK }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .merge(routes.routes().into_axum_router());
    // Ballista reads the peer's address off the connection.
    let service = app.into_make_service_with_connect_info::<SocketAddr>();
    let serving = axum::serve(listener, service).into_future();
    let ended = tokio::select! {
        ended = serving => ended.map_err(|e| SchedulerError::Unavailable(format!("the port failed: {e}"))),
        () = shutdown => Ok(()),
    };
    // The port is closed; what queries have in the warehouse is put away.
    let _ = tokio::time::timeout(LAST_WORDS, queries_end.end()).await;
    ended
}

/// One scheduler to a state folder: the lock is given back when the file is closed.
fn lock(state: &Path) -> Result<File, SchedulerError> {
    let path = state.join("lock");
    let unusable = |e: &dyn std::fmt::Display| {
        SchedulerError::Refused(format!("`{}` cannot be locked: {e}", path.display()))
    };
    let file = File::create(&path).map_err(|e| unusable(&e))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(SchedulerError::Refused(format!(
            "another scheduler uses the state folder `{}`",
            state.display()
        ))),
        Err(TryLockError::Error(e)) => Err(unusable(&e)),
    }
}

#[cfg(test)]
mod tests;
