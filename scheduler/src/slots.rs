//! Which tasks may run where. Two habits of Ballista 55 are put right here.
//!
//! Slots are counted from the tasks that run, each time anew. Ballista counts up and down, and
//! gives nothing back for a task whose stage was rolled back or whose job was cancelled or failed:
//! each lost executor and each cancelled run would take slots away from the executors that are
//! left, until no task runs any more.
//!
//! A job with a stage in its second attempt gets no task: whoever watches it begins anew under
//! another id. Ballista would go on, but the tasks of a stage that was rolled back have the ids,
//! and so the shuffle files, of those before, and a reader takes a file of its own executor for
//! the one it wants: rows of one partition twice, of another not at all, and no error.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use async_trait::async_trait;
use ballista_core::JobId;
use ballista_core::error::Result;
use ballista_core::serde::protobuf::task_status::Status;
use ballista_core::serde::protobuf::{ExecutorHeartbeat, RunningTask};
use ballista_core::serde::scheduler::{ExecutorData, ExecutorMetadata};
use ballista_scheduler::cluster::memory::InMemoryClusterState;
use ballista_scheduler::cluster::{BoundTask, ClusterState, ClusterStateEventStream, ExecutorSlot};
use ballista_scheduler::config::TaskDistributionPolicy;
use ballista_scheduler::state::execution_stage::ExecutionStage;
use ballista_scheduler::state::task_manager::JobInfoCache;

type Jobs = Arc<HashMap<JobId, JobInfoCache>>;

/// The cluster's state: Ballista's in all but the counting of slots.
#[derive(Default)]
pub struct CountedSlots {
    inner: InMemoryClusterState,
}

/// Slots taken on each executor by the tasks that run.
async fn taken(jobs: &Jobs) -> HashMap<String, u32> {
    let mut taken = HashMap::new();
    for job in jobs.values() {
        for stage in job.execution_graph.read().await.stages().values() {
            let ExecutionStage::Running(stage) = stage else {
                continue;
            };
            for task in &stage.task_infos {
                if let Status::Running(RunningTask { executor_id }) = &task.task_status {
                    *taken.entry(executor_id.clone()).or_default() += task.vcores_consumed;
                }
            }
        }
    }
    taken
}

/// Whether some of what a job had made was lost, so that a stage is in its second attempt.
pub fn lost_ground(stages: &HashMap<usize, ExecutionStage>) -> bool {
    stages.values().any(|stage| {
        let attempt = match stage {
            ExecutionStage::UnResolved(s) => s.stage_attempt_num,
            ExecutionStage::Resolved(s) => s.stage_attempt_num,
            ExecutionStage::Running(s) => s.stage_attempt_num,
            ExecutionStage::Successful(s) => s.stage_attempt_num,
            ExecutionStage::Failed(s) => s.stage_attempt_num,
        };
        attempt > 0
    })
}

/// The jobs that may have tasks.
async fn sound(jobs: &Jobs) -> Jobs {
    let mut sound = HashMap::new();
    for (id, job) in jobs.iter() {
        if !lost_ground(job.execution_graph.read().await.stages()) {
            sound.insert(id.clone(), job.clone());
        }
    }
    Arc::new(sound)
}

#[async_trait]
impl ClusterState for CountedSlots {
    async fn bind_schedulable_tasks(
        &self,
        distribution: TaskDistributionPolicy,
        active_jobs: Jobs,
        executors: Option<HashSet<String>>,
    ) -> Result<Vec<BoundTask>> {
        let taken = taken(&active_jobs).await;
        // Ballista's own way of handing out tasks, over slots that are right.
        let now = InMemoryClusterState::default();
        for executor in self.inner.registered_executor_metadata().await {
            let total = executor.specification.vcores;
            let busy = taken.get(&executor.id).copied().unwrap_or_default();
            let slots = ExecutorData {
                executor_id: executor.id.clone(),
                total_vcores: total,
                available_vcores: total.saturating_sub(busy),
            };
            now.register_executor(executor, slots).await?;
        }
        now.bind_schedulable_tasks(distribution, sound(&active_jobs).await, executors)
            .await
    }

    async fn unbind_tasks(&self, _: Vec<ExecutorSlot>) -> Result<()> {
        // A task that runs no longer takes no slot: there is nothing to give back.
        Ok(())
    }

    async fn register_executor(
        &self,
        metadata: ExecutorMetadata,
        spec: ExecutorData,
    ) -> Result<()> {
        self.inner.register_executor(metadata, spec).await
    }

    async fn save_executor_metadata(&self, metadata: ExecutorMetadata) -> Result<()> {
        self.inner.save_executor_metadata(metadata).await
    }

    async fn get_executor_metadata(&self, executor_id: &str) -> Result<ExecutorMetadata> {
        self.inner.get_executor_metadata(executor_id).await
    }

    async fn registered_executor_metadata(&self) -> Vec<ExecutorMetadata> {
        self.inner.registered_executor_metadata().await
    }

    async fn save_executor_heartbeat(&self, heartbeat: ExecutorHeartbeat) -> Result<()> {
        self.inner.save_executor_heartbeat(heartbeat).await
    }

    async fn remove_executor(&self, executor_id: &str) -> Result<()> {
        self.inner.remove_executor(executor_id).await
    }

    fn executor_heartbeats(&self) -> HashMap<String, ExecutorHeartbeat> {
        self.inner.executor_heartbeats()
    }

    fn get_executor_heartbeat(&self, executor_id: &str) -> Option<ExecutorHeartbeat> {
        self.inner.get_executor_heartbeat(executor_id)
    }

    async fn cluster_state_events(&self) -> Result<ClusterStateEventStream> {
        self.inner.cluster_state_events().await
    }
}
