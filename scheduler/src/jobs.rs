//! Runs plans on the cluster: submit in process, watch, cancel, submit again.
//!
//! What a job makes lies in the warehouse under notes that only the first attempt can put, so a
//! job that is submitted again, or an attempt that comes back late, changes nothing.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ballista_core::JobId;
use ballista_core::serde::protobuf::job_status::Status as JobState;
use ballista_core::serde::protobuf::task_status::Status as TaskState;
use ballista_scheduler::state::execution_stage::ExecutionStage;
use datafusion::execution::context::SQLOptions;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::prelude::SessionContext;
use pannier_engine::warehouse::Warehouse;
use pannier_engine::{catalog, session};
use pannier_proto::event::Operator;
use pannier_proto::manifest::TableManifest;
use pannier_proto::objects;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::cluster::{Ballista, Ended};
use crate::config::SchedulerConfig;
use crate::error::SchedulerError;
use crate::operators;
use crate::results::LiveResults;
use crate::slots::lost_ground;

/// Times that one plan may fail.
const FAILURES: u32 = 3;
/// Times that one plan begins anew since an executor went away, which says nothing against it.
const LOSSES: u32 = 20;
/// Between two looks at a job that has just begun: a small table is not waited for in vain.
const FIRST_LOOK: Duration = Duration::from_millis(5);
/// Between two looks at a job that takes its time, and at executors that are to come.
const LOOK: Duration = Duration::from_millis(50);

/// How far a job is: partitions of stages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct JobProgress {
    /// Done.
    pub done: u64,
    /// In all.
    pub total: u64,
}

/// How watching a job ended.
enum Watched {
    /// The job is done.
    Done,
    /// Some of what it had made was lost with an executor.
    LostGround,
}

/// What is seen of a job that has not ended.
enum Look {
    /// It is not known yet, or no more.
    Nothing,
    /// So far.
    At(JobProgress),
    /// Some of what it had made was lost with an executor.
    LostGround,
}

/// The cluster as a place to run plans.
#[derive(Clone)]
pub struct Jobs {
    ballista: Ballista,
    ended: Ended,
    warehouse: Warehouse,
    slots: Arc<Semaphore>,
    results: LiveResults,
    executor_wait: Duration,
    silence: Duration,
}

impl Jobs {
    /// Jobs on this scheduler.
    #[must_use]
    pub fn new(
        ballista: Ballista,
        ended: Ended,
        warehouse: Warehouse,
        config: &SchedulerConfig,
    ) -> Self {
        Self {
            ballista,
            ended,
            warehouse,
            slots: Arc::new(Semaphore::new(config.parallel_jobs.max(1))),
            results: LiveResults::default(),
            executor_wait: config.executor_wait.0,
            silence: config.job_silence.0,
        }
    }

    /// The warehouse.
    #[must_use]
    pub fn warehouse(&self) -> &Warehouse {
        &self.warehouse
    }

    /// Results of queries that are being written or read.
    #[must_use]
    pub fn results(&self) -> &LiveResults {
        &self.results
    }

    /// Jobs that the executors work on.
    #[must_use]
    pub fn running(&self) -> usize {
        self.ballista.running_job_number()
    }

    /// Whether an executor is alive.
    #[must_use]
    pub fn ready(&self) -> bool {
        self.ballista.is_ready()
    }

    /// Executors that are registered.
    pub async fn executors(&self) -> usize {
        self.ballista
            .state
            .executor_manager
            .get_executors_state()
            .await
            .map_or(0, |all| all.len())
    }

    /// A context of its own for a job: sessions are cached by executors and must not be shared.
    ///
    /// # Errors
    /// Where the session cannot be made.
    pub fn context(&self) -> Result<SessionContext, SchedulerError> {
        let state = session::state(session::config(), &self.warehouse)?;
        Ok(SessionContext::new_with_state(state))
    }

    /// A context for making narrow tables.
    ///
    /// # Errors
    /// Where the session cannot be made.
    pub fn narrow_context(&self) -> Result<SessionContext, SchedulerError> {
        let state = session::state(session::narrow(), &self.warehouse)?;
        Ok(SessionContext::new_with_state(state))
    }

    /// Runs a plan to its end; gives what its operators cost.
    ///
    /// # Errors
    /// `Failed` where the plan cannot work, `Unavailable` where trying later may help.
    pub async fn run(
        &self,
        name: &str,
        context: &SessionContext,
        plan: Arc<dyn ExecutionPlan>,
        cancel: &CancellationToken,
        mut progress: impl FnMut(JobProgress) + Send,
    ) -> Result<Vec<Operator>, SchedulerError> {
        let _slot = tokio::select! {
            slot = self.slots.acquire() => slot
                .map_err(|_| SchedulerError::Unavailable("the scheduler is closing".into()))?,
            () = cancel.cancelled() => return Err(cancelled()),
        };
        let (mut failures, mut losses) = (0, 0);
        loop {
            self.wait_for_executor(cancel).await?;
            let job = self
                .ballista
                .submit_physical_plan(name, Arc::new(context.clone()), Arc::clone(&plan), None)
                .await
                .map_err(|e| {
                    SchedulerError::Unavailable(format!("the job could not be submitted: {e}"))
                })?;
            match self.watch(&job, cancel, &mut progress).await {
                Ok(Watched::Done) => return Ok(self.operators(&job).await),
                Ok(Watched::LostGround) if losses < LOSSES => {
                    tracing::warn!(job = %job, name, "an executor is gone; the job begins anew");
                    losses += 1;
                }
                Ok(Watched::LostGround) => {
                    return Err(SchedulerError::Unavailable(format!(
                        "executors went away {losses} times while the job ran"
                    )));
                }
                Err(e) if e.retryable() && !cancel.is_cancelled() && failures + 1 < FAILURES => {
                    tracing::warn!(job = %job, name, error = %e, "the job is submitted again");
                    failures += 1;
                }
                Err(e) => return Err(e),
            }
        }
    }

    /// What a finished job's operators cost; nothing where that is not known any more.
    async fn operators(&self, job: &JobId) -> Vec<Operator> {
        let graph = self.ended.get_execution_graph(job).await.ok().flatten();
        graph.map_or_else(Vec::new, |graph| operators::of_job(graph.stages().values()))
    }

    async fn wait_for_executor(&self, cancel: &CancellationToken) -> Result<(), SchedulerError> {
        let started = Instant::now();
        while !self.ready() {
            if started.elapsed() > self.executor_wait {
                return Err(SchedulerError::Unavailable(format!(
                    "no executor came within {} s; start one",
                    self.executor_wait.as_secs()
                )));
            }
            tokio::select! {
                () = cancel.cancelled() => return Err(cancelled()),
                () = tokio::time::sleep(LOOK) => {}
            }
        }
        Ok(())
    }

    /// Watches a job to its end. Events may be dropped, so the state is looked at.
    async fn watch(
        &self,
        job: &JobId,
        cancel: &CancellationToken,
        progress: &mut (impl FnMut(JobProgress) + Send),
    ) -> Result<Watched, SchedulerError> {
        let (mut seen, mut changed) = (JobProgress::default(), Instant::now());
        let mut look = FIRST_LOOK;
        loop {
            tokio::select! {
                () = cancel.cancelled() => {
                    let _ = self.ballista.cancel_job(job.clone()).await;
                    return Err(cancelled());
                }
                () = tokio::time::sleep(look) => {}
            }
            look = (look * 5 / 4).min(LOOK);
            let status = self.ballista.state.task_manager.get_job_status(job).await;
            match status.ok().flatten().and_then(|s| s.status) {
                Some(JobState::Successful(_)) => return Ok(Watched::Done),
                Some(JobState::Failed(failed)) => return Err(failure(&failed.error)),
                _ => {}
            }
            let now = match self.look(job).await {
                Look::Nothing => seen,
                Look::At(progress) => progress,
                Look::LostGround => {
                    let _ = self.ballista.cancel_job(job.clone()).await;
                    return Ok(Watched::LostGround);
                }
            };
            if now != seen {
                (seen, changed) = (now, Instant::now());
                progress(now);
            }
            if changed.elapsed() > self.silence {
                let _ = self.ballista.cancel_job(job.clone()).await;
                return Err(SchedulerError::Unavailable(format!(
                    "the job made no progress for {} s",
                    self.silence.as_secs()
                )));
            }
        }
    }

    /// Partitions done and in all, over the stages known so far.
    async fn look(&self, job: &JobId) -> Look {
        let jobs = self.ballista.state.task_manager.get_running_job_cache();
        let Some(job) = jobs.get(job) else {
            return Look::Nothing;
        };
        let graph = job.execution_graph.read().await;
        if lost_ground(graph.stages()) {
            return Look::LostGround;
        }
        let mut progress = JobProgress::default();
        for stage in graph.stages().values() {
            let (done, total) = match stage {
                ExecutionStage::Successful(s) => (s.partitions, s.partitions),
                ExecutionStage::Running(s) => {
                    let finished: usize = s
                        .task_infos
                        .iter()
                        .filter(|t| matches!(t.task_status, TaskState::Successful(_)))
                        .map(|t| t.global_input_partition_ids.len())
                        .sum();
                    (finished.min(s.partitions), s.partitions)
                }
                ExecutionStage::Resolved(s) => (0, s.partitions),
                _ => (0, session::TARGET_PARTITIONS),
            };
            progress.done += done as u64;
            progress.total += total as u64;
        }
        Look::At(progress)
    }

    /// Registers a committed table version under its name.
    ///
    /// # Errors
    /// Where its manifest is not there.
    pub async fn register(
        &self,
        context: &SessionContext,
        table: &str,
        version: &str,
    ) -> Result<TableManifest, SchedulerError> {
        let manifest = self
            .warehouse
            .get_json(&objects::table_manifest(table, version))
            .await?;
        context.register_table(table, catalog::table(&self.warehouse, &manifest)?)?;
        Ok(manifest)
    }
}

fn cancelled() -> SchedulerError {
    SchedulerError::Refused("cancelled".into())
}

/// Whether a job's failure speaks of the query or of a process that went away.
fn failure(text: &str) -> SchedulerError {
    // In lower case: a body that breaks off in the middle tells of a `connection`, a refused one of
    // a `Connection`.
    const PASSING: [&str; 8] = [
        "fetch",
        "connection",
        "transport error",
        "h2 protocol error",
        "executor",
        "cancelled",
        "no such file",
        "timed out",
    ];
    if text.contains("No space left on device") {
        let room = "no space is left on the disk of an executor or of the warehouse; make room, then retry the run";
        return SchedulerError::Failed(room.to_owned());
    }
    let lower = text.to_lowercase();
    if PASSING.iter().any(|p| lower.contains(p)) {
        return SchedulerError::Unavailable(text.to_owned());
    }
    SchedulerError::Failed(said(text))
}

/// The engine's words. Ballista puts its own around them, also as its types' debug form; people
/// want the innermost.
fn said(text: &str) -> String {
    let plain = text.rsplit("Execution error: ").next().unwrap_or(text);
    let inner = plain.rsplit("Execution(\"").next().unwrap_or(plain).trim();
    let closed = inner.trim_end_matches(')');
    let bare = closed.strip_suffix('"').unwrap_or(inner);
    bare.replace("\\\"", "\"").replace("\\n", "\n")
}

/// What people's SQL may do: read what is registered, and nothing else.
#[must_use]
pub fn read_only() -> SQLOptions {
    SQLOptions::new()
        .with_allow_ddl(false)
        .with_allow_dml(false)
        .with_allow_statements(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_goes_away_says_nothing_against_a_query() {
        for text in [
            "Ipc error: code: 'Unknown error', message: \"h2 protocol error: error reading a body from connection\"",
            "GrpcConnectionError(\"transport error\")",
            "FetchFailed: Connection refused",
        ] {
            assert!(failure(text).retryable(), "{text}");
        }
        assert!(!failure("Execution error: `a.csv` has no column `b`").retryable());
    }

    #[test]
    fn the_innermost_words_are_said() {
        let debug = r#"Job failed due to stage 3 failed: Task failed due to runtime execution error: DataFusionError(Shared(External(DataFusionError(Execution("`a \"b\".gz` cannot be read")))))"#;
        assert_eq!(said(debug), "`a \"b\".gz` cannot be read");
        assert_eq!(said("x: Execution error: no (a)"), "no (a)");
        assert_eq!(
            said(r#"External("Execution error: `a` broke")))"#),
            "`a` broke"
        );
    }
}
