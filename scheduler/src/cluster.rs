//! Ballista's scheduler inside ours: one instance per process, with our session on its inside.

use std::sync::Arc;

use ballista_core::config::TaskSchedulingPolicy;
use ballista_scheduler::cluster::{BallistaCluster, JobState};
use ballista_scheduler::config::{SchedulerConfig as BallistaConfig, TaskDistributionPolicy};
use ballista_scheduler::scheduler_process::create_scheduler;
use ballista_scheduler::scheduler_server::SchedulerServer;
use datafusion_proto::protobuf::{LogicalPlanNode, PhysicalPlanNode};
use pannier_engine::codec::EngineCodec;
use pannier_engine::session;
use pannier_engine::warehouse::Warehouse;
use pannier_proto::MAX_MESSAGE_BYTES;

use crate::config::SchedulerConfig;
use crate::error::SchedulerError;
use crate::slots::CountedSlots;

/// Ballista's scheduler.
pub type Ballista = SchedulerServer<LogicalPlanNode, PhysicalPlanNode>;
/// What it remembers of jobs that ended.
pub type Ended = Arc<dyn JobState>;

/// Makes them. Call once per process.
///
/// # Errors
/// Where Ballista refuses its configuration.
pub async fn ballista(
    config: &SchedulerConfig,
    warehouse: Warehouse,
    port: u16,
) -> Result<(Ballista, Ended), SchedulerError> {
    let timeout = config.executor_timeout.0.as_secs().max(2);
    let inner = Arc::new(BallistaConfig {
        external_host: config.external_host.clone(),
        bind_port: port,
        scheduling_policy: TaskSchedulingPolicy::PushStaged,
        task_distribution: TaskDistributionPolicy::RoundRobin,
        // Nothing is fetched from shuffle files once a job is done: what it made is in the warehouse.
        finished_job_data_clean_up_interval_seconds: 30,
        finished_job_state_clean_up_interval_seconds: 600,
        executor_timeout_seconds: timeout,
        expire_dead_executor_interval_seconds: (timeout / 4).clamp(1, 5),
        no_executors_grace_period_seconds: config.executor_wait.0.as_secs().max(timeout),
        grpc_server_max_decoding_message_size: MAX_MESSAGE_BYTES as u32,
        grpc_server_max_encoding_message_size: MAX_MESSAGE_BYTES as u32,
        grpc_client_max_message_size: MAX_MESSAGE_BYTES as u32,
        override_config_producer: Some(Arc::new(session::config)),
        override_session_builder: Some(Arc::new(move |c| session::state(c, &warehouse))),
        override_physical_codec: Some(Arc::new(EngineCodec::default())),
        ..BallistaConfig::default()
    });
    let failed = |e: ballista_core::error::BallistaError| {
        SchedulerError::Failed(format!("the engine's scheduler cannot start: {e}"))
    };
    let memory = BallistaCluster::new_from_config(&inner)
        .await
        .map_err(failed)?;
    let ended = memory.job_state();
    let cluster = BallistaCluster::new(Arc::new(CountedSlots::default()), Arc::clone(&ended));
    let ballista = create_scheduler(cluster, inner).await.map_err(failed)?;
    Ok((ballista, ended))
}
