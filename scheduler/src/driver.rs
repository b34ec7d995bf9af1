//! Drives runs: appends facts, asks the state machine what follows, and does it. One task a run.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use pannier_proto::event::{RunEvent, RunEventKind, StepOutcome};
use pannier_proto::status::{RunPhase, RunStatus};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::error::SchedulerError;
use crate::report::RunStatus as PageStatus;
use crate::run::{RunAction, RunState};
use crate::step::{self, StepContext, StepFailure};
use crate::store::{RunRecord, Store};

/// A fact is on record long before this.
const RECORDED: Duration = Duration::from_secs(10);

/// All runs of this scheduler.
#[derive(Clone)]
pub struct Driver {
    context: StepContext,
    live: Arc<Mutex<HashMap<String, Live>>>,
    /// Runs that could not even be recorded as failed, and why: the disk is full, say.
    stuck: Arc<Mutex<HashMap<String, String>>>,
}

/// A run that is being driven.
#[derive(Clone)]
struct Live {
    events: UnboundedSender<RunEventKind>,
    /// Number of events recorded so far: who follows waits for it to change.
    recorded: watch::Receiver<u64>,
}

impl Driver {
    /// A driver that performs steps with this context.
    #[must_use]
    pub fn new(context: StepContext) -> Self {
        Self {
            context,
            live: Arc::default(),
            stuck: Arc::default(),
        }
    }

    fn store(&self) -> &Store {
        &self.context.store
    }

    fn live(&self) -> MutexGuard<'_, HashMap<String, Live>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts a run that was just recorded.
    ///
    /// # Errors
    /// Where its first event cannot be recorded.
    pub fn start(&self, record: RunRecord) -> Result<(), SchedulerError> {
        let steps = record.plan.steps.iter().map(|s| s.id.clone()).collect();
        self.drive(
            record.clone(),
            RunEventKind::Submitted {
                name: record.name,
                steps,
            },
        );
        Ok(())
    }

    /// Takes up every run that has not ended.
    ///
    /// # Errors
    /// Where the record cannot be read.
    pub fn recover(&self) -> Result<usize, SchedulerError> {
        let unfinished = self.store().unfinished()?;
        for run_id in &unfinished {
            let record = self.store().run(run_id)?;
            // A run that died between its record and its first event begins at the beginning.
            if self.store().events(run_id, 0, 1)?.is_empty() {
                self.start(record)?;
            } else {
                self.drive(record, RunEventKind::Recovered);
            }
        }
        Ok(unfinished.len())
    }

    /// Asks a run to stop, or to go on again.
    ///
    /// # Errors
    /// Where there is no such run, or it is not in a state for it.
    pub async fn request(&self, run_id: &str, kind: RunEventKind) -> Result<(), SchedulerError> {
        let status = self.status(run_id)?;
        let fits = match kind {
            RunEventKind::CancelRequested => {
                matches!(status.phase, RunPhase::Running | RunPhase::Cancelling)
            }
            RunEventKind::RetryRequested => {
                matches!(status.phase, RunPhase::Failed | RunPhase::Cancelled)
            }
            _ => false,
        };
        if !fits {
            let verb = if kind == RunEventKind::RetryRequested {
                "retried"
            } else {
                "cancelled"
            };
            let phase = format!("{:?}", status.phase).to_lowercase();
            return Err(SchedulerError::Refused(format!(
                "run `{run_id}` is {phase} and cannot be {verb}"
            )));
        }
        let live = self.live().get(run_id).cloned();
        match live {
            Some(live) if !live.events.is_closed() => drop(live.events.send(kind)),
            _ => {
                let mut stuck = self.stuck.lock().unwrap_or_else(PoisonError::into_inner);
                let was_stuck = stuck.remove(run_id).is_some();
                drop(stuck);
                // The log of a run that was stuck says that it is going on, as after a restart.
                let recovered = Some(RunEventKind::Recovered).filter(|_| was_stuck);
                self.drive(self.store().run(run_id)?, recovered.unwrap_or(kind));
            }
        }
        // The answer comes after the record: who follows the run next sees that it goes on.
        if let Some(mut recorded) = self.watch(run_id) {
            let written = recorded.wait_for(|events| *events > status.events);
            let _ = tokio::time::timeout(RECORDED, written).await;
        }
        Ok(())
    }

    /// State of a run, from its log.
    ///
    /// # Errors
    /// Where there is no such run.
    pub fn status(&self, run_id: &str) -> Result<RunStatus, SchedulerError> {
        let record = self.store().run(run_id)?;
        let mut state = state_of(&record);
        let (mut ended_ms, mut report, mut events) = (None, None, 0);
        for event in self.store().events(run_id, 0, u32::MAX)? {
            state.apply(&event.kind);
            events = event.offset + 1;
            ended_ms = event.kind.is_end().then_some(event.at_ms);
            if let RunEventKind::StepFinished {
                result: StepOutcome::Report { path },
                ..
            } = event.kind
            {
                report = Some(path);
            }
        }
        let stuck = self.stuck(run_id);
        Ok(RunStatus {
            run_id: run_id.to_owned(),
            name: record.name,
            phase: stuck.as_ref().map_or(state.phase(), |_| RunPhase::Failed),
            submitted_ms: record.submitted_ms,
            ended_ms,
            error: stuck.or_else(|| state.error().map(str::to_owned)),
            report: report.map(|p| format!("{}/{p}", self.context.jobs.warehouse().root())),
            events,
            steps: state.status(),
        })
    }

    /// Why a run came to a stop that could not be recorded.
    #[must_use]
    pub fn stuck(&self, run_id: &str) -> Option<String> {
        let stuck = self.stuck.lock().unwrap_or_else(PoisonError::into_inner);
        stuck.get(run_id).cloned()
    }

    /// A receiver that changes with every event recorded from now on, while the run is being
    /// driven.
    #[must_use]
    pub fn watch(&self, run_id: &str) -> Option<watch::Receiver<u64>> {
        let mut recorded = self.live().get(run_id).map(|l| l.recorded.clone())?;
        // A clone has seen what the original has, which is nothing: it would always be changed.
        recorded.mark_unchanged();
        Some(recorded)
    }

    fn drive(&self, record: RunRecord, first: RunEventKind) {
        let (events, inbox) = unbounded_channel();
        let (recorded_send, recorded) = watch::channel(0);
        self.live().insert(
            record.run_id.clone(),
            Live {
                events: events.clone(),
                recorded,
            },
        );
        let task = RunTask {
            state: state_of(&record),
            context: self.context.clone(),
            record: Arc::new(record),
            events,
            recorded: recorded_send,
            running: HashMap::new(),
        };
        let this = self.clone();
        tokio::spawn(async move {
            let run_id = task.record.run_id.clone();
            if let Err(error) = task.run(first, inbox).await {
                tracing::error!(run = %run_id, %error, "the run cannot be driven");
                let mut stuck = this.stuck.lock().unwrap_or_else(PoisonError::into_inner);
                stuck.insert(run_id.clone(), error.to_string());
            }
            this.live().remove(&run_id);
        });
    }
}

fn state_of(record: &RunRecord) -> RunState {
    RunState::new(
        record
            .plan
            .steps
            .iter()
            .map(|s| (s.id.clone(), s.after.clone())),
    )
}

struct RunTask {
    state: RunState,
    context: StepContext,
    record: Arc<RunRecord>,
    events: UnboundedSender<RunEventKind>,
    recorded: watch::Sender<u64>,
    running: HashMap<String, CancellationToken>,
}

impl Drop for RunTask {
    /// Where the run cannot be recorded any more, nobody waits for what is under way.
    fn drop(&mut self) {
        for token in self.running.values() {
            token.cancel();
        }
    }
}

impl RunTask {
    async fn run(
        mut self,
        first: RunEventKind,
        mut inbox: UnboundedReceiver<RunEventKind>,
    ) -> Result<(), SchedulerError> {
        // What is on record has been acted on, or will be by what follows from the first event.
        for event in self
            .context
            .store
            .events(&self.record.run_id, 0, u32::MAX)?
        {
            self.state.apply(&event.kind);
        }
        let mut next = Some(first);
        while let Some(kind) = next {
            if let Some(end) = self.take(kind)? {
                // Whoever follows the run leaves at its end: the page must be there by then.
                self.page(&end).await;
                self.take(end)?;
                return Ok(());
            }
            next = inbox.recv().await;
        }
        Ok(())
    }

    /// Records a fact and acts on it; gives the end that the run has come to.
    fn take(&mut self, kind: RunEventKind) -> Result<Option<RunEventKind>, SchedulerError> {
        if let RunEventKind::StepFinished { step, .. }
        | RunEventKind::StepFailed { step, .. }
        | RunEventKind::StepLost { step, .. } = &kind
        {
            self.running.remove(step);
        }
        let event = self.record(kind)?;
        let mut end = None;
        for action in self.state.apply(&event.kind) {
            match action {
                RunAction::Start { step, attempt } => {
                    self.take(RunEventKind::StepStarted {
                        step: step.clone(),
                        attempt,
                    })?;
                    self.start(step, attempt);
                }
                RunAction::Stop { step } => {
                    if let Some(token) = self.running.get(&step) {
                        token.cancel();
                    }
                }
                RunAction::End(kind) => end = Some(*kind),
            }
        }
        Ok(end)
    }

    /// A run that ended badly has a page too: what is known up to here.
    async fn page(&self, end: &RunEventKind) {
        let status = match end {
            RunEventKind::Failed { error } => PageStatus::Failed {
                reason: error.clone(),
            },
            RunEventKind::Cancelled => PageStatus::Cancelled {
                reason: "someone asked for it".into(),
            },
            _ => return,
        };
        let said = match step::write_ended(&self.context, &self.record, status).await {
            Ok(path) => format!("report {}/{path}", self.context.jobs.warehouse().root()),
            Err(error) => format!("the report could not be written: {error}"),
        };
        if let Err(error) = self.record(RunEventKind::Log {
            step: String::new(),
            text: said,
        }) {
            tracing::warn!(run = %self.record.run_id, %error, "the log could not be written");
        }
    }

    fn record(&self, kind: RunEventKind) -> Result<RunEvent, SchedulerError> {
        let event = self.context.store.append(&self.record.run_id, kind)?;
        self.recorded.send_replace(event.offset + 1);
        Ok(event)
    }

    fn start(&mut self, step: String, attempt: u32) {
        let token = CancellationToken::new();
        self.running.insert(step.clone(), token.clone());
        let work = StepRun {
            context: self.context.clone(),
            record: Arc::clone(&self.record),
            step: step.clone(),
            attempt,
            events: self.events.clone(),
            cancel: token,
        };
        tokio::spawn(async move {
            let (events, started) = (work.events.clone(), Instant::now());
            let kind = match step::perform(&work).await {
                Ok((result, skipped)) => RunEventKind::StepFinished {
                    step,
                    skipped,
                    seconds: started.elapsed().as_secs_f64(),
                    result,
                },
                Err(StepFailure::Lost { reason }) => RunEventKind::StepLost { step, reason },
                Err(StepFailure::Error(error)) => RunEventKind::StepFailed {
                    step,
                    retryable: error.retryable(),
                    error: error.to_string(),
                },
            };
            // The run may be over: then nobody waits for this step.
            let _ = events.send(kind);
        });
    }
}

/// One try of a step, as it is performed.
pub struct StepRun {
    /// What it is performed with.
    pub context: StepContext,
    /// The run.
    pub record: Arc<RunRecord>,
    /// The step.
    pub step: String,
    /// Which try, from 1.
    pub attempt: u32,
    /// Where facts go.
    pub events: UnboundedSender<RunEventKind>,
    /// Set when it is to stop.
    pub cancel: CancellationToken,
}

impl StepRun {
    /// Says a fact.
    pub fn tell(&self, kind: RunEventKind) {
        let _ = self.events.send(kind);
    }
}
