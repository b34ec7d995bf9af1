//! Ballista's executor, with our session on its inside.

use std::net::{IpAddr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use ballista_core::config::TaskSchedulingPolicy;
use ballista_executor::executor_process::{ExecutorProcessConfig, start_executor_process};
use pannier_engine::codec::EngineCodec;
use pannier_engine::session;
use pannier_engine::warehouse::Warehouse;
use pannier_proto::MAX_MESSAGE_BYTES;
use tonic::transport::Endpoint;

use crate::config::ExecutorConfig;
use crate::error::ExecutorError;
use crate::shuffle;

/// Between two tries to reach the scheduler.
const BETWEEN_TRIES: Duration = Duration::from_millis(200);

/// Runs Ballista's executor until it stops by itself (it listens for SIGTERM on its own).
pub async fn run(config: &ExecutorConfig, executor_id: String) -> Result<(), ExecutorError> {
    let process = Arc::new(process_config(config, executor_id)?);
    let url = config.scheduler.clone();
    reached(config).await?;
    match start_executor_process(process).await {
        Ok(()) => Err(ExecutorError::SchedulerLost { url }),
        Err(e) if e.to_string().contains("connect") => Err(ExecutorError::Unreachable {
            url,
            reason: e.to_string(),
        }),
        Err(e) => Err(ExecutorError::Stopped(e.to_string())),
    }
}

/// Waits for the scheduler to answer, as long as the config says: Ballista's own time-out never
/// ends.
async fn reached(config: &ExecutorConfig) -> Result<(), ExecutorError> {
    let url = config.scheduler.clone();
    let endpoint = Endpoint::from_shared(url.clone())
        .map_err(|e| ExecutorError::Config(format!("scheduler `{url}` is no URL: {e}")))?;
    let answer = async {
        while endpoint.connect().await.is_err() {
            tokio::time::sleep(BETWEEN_TRIES).await;
        }
    };
    let patience = config.connect_timeout.0;
    tokio::time::timeout(patience, answer)
        .await
        .map_err(|_| ExecutorError::Unreachable {
            url,
            reason: format!("nobody did within {} s", patience.as_secs()),
        })
}

fn process_config(
    config: &ExecutorConfig,
    executor_id: String,
) -> Result<ExecutorProcessConfig, ExecutorError> {
    let wrong =
        |what: &str, e: &dyn std::fmt::Display| ExecutorError::Config(format!("{what}: {e}"));
    let (host, port) = host_port(&config.scheduler)?;
    std::fs::create_dir_all(&config.work).map_err(|e| {
        wrong(
            &format!("the folder `{}` cannot be made", config.work.display()),
            &e,
        )
    })?;
    let work = std::fs::canonicalize(&config.work)
        .map_err(|e| wrong("the work folder cannot be used", &e))?;
    let warehouse = Warehouse::open(&config.warehouse)
        .map_err(|e| wrong("the warehouse cannot be used", &e))?;
    let registry = session::function_registry(&warehouse)
        .map_err(|e| wrong("the session cannot be made", &e))?;
    let spill = work.clone();
    let codec = Arc::new(EngineCodec::default());
    Ok(ExecutorProcessConfig {
        executor_id,
        bind_host: config.bind_host.clone(),
        external_host: Some(config.external_host.clone()),
        port: free_port(&config.bind_host, config.shuffle_port)?,
        grpc_port: free_port(&config.bind_host, config.task_port)?,
        scheduler_host: host,
        scheduler_port: port,
        scheduler_connect_timeout_seconds: config.connect_timeout.0.as_secs().clamp(1, 3600) as u16,
        vcores: config.vcores,
        task_scheduling_policy: TaskSchedulingPolicy::PushStaged,
        work_dir: Some(work.display().to_string()),
        grpc_max_decoding_message_size: MAX_MESSAGE_BYTES as u32,
        grpc_max_encoding_message_size: MAX_MESSAGE_BYTES as u32,
        executor_heartbeat_interval_seconds: config.heartbeat.0.as_secs().max(1),
        memory_pool_size: (config.memory.0 > 0).then_some(config.memory.0),
        memory_pool_fraction: 0.6,
        override_function_registry: Some(registry),
        override_config_producer: Some(Arc::new(session::config)),
        override_runtime_producer: Some(Arc::new(move |_| session::runtime(Some(&spill)))),
        override_physical_codec: Some(codec),
        override_arrow_flight_service: Some(Arc::new(|work, address, shutdown, config| {
            shuffle::serve(work, address, shutdown, &config)
        })),
        ..ExecutorProcessConfig::default()
    })
}

/// Ballista wants to know its ports before it binds them: for 0, one that is free now.
fn free_port(host: &str, wanted: u16) -> Result<u16, ExecutorError> {
    if wanted != 0 {
        return Ok(wanted);
    }
    let address: IpAddr = host
        .parse()
        .map_err(|e| ExecutorError::Config(format!("bind_host `{host}` is no address: {e}")))?;
    let listener = TcpListener::bind(SocketAddr::new(address, 0))
        .map_err(|e| ExecutorError::Config(format!("no port is free on {host}: {e}")))?;
    let port = listener.local_addr().map(|a| a.port());
    port.map_err(|e| ExecutorError::Config(format!("no port is free on {host}: {e}")))
}

fn host_port(url: &str) -> Result<(String, u16), ExecutorError> {
    let rest = url
        .strip_prefix("http://")
        .unwrap_or(url)
        .trim_end_matches('/');
    let wrong = || {
        ExecutorError::Config(format!(
            "scheduler `{url}` is no address such as http://10.0.0.1:50050"
        ))
    };
    let (host, port) = rest.rsplit_once(':').ok_or_else(wrong)?;
    Ok((host.to_owned(), port.parse().map_err(|_| wrong())?))
}
