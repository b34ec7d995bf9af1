//! The state machine of a run: facts in, actions out. Pure; the driver performs the actions.
//! Replaying a run's log gives its state, so a restarted scheduler knows where it was.

use std::collections::BTreeMap;

use pannier_proto::event::RunEventKind;
use pannier_proto::status::{RunPhase, StepPhase, StepStatus};

/// Tries of a step that failed in a way that may pass.
const MAX_FAILURES: u32 = 3;
/// Tries of a step whose process went away, which says nothing against the step.
const MAX_LOSSES: u32 = 10;

/// What the driver is to do.
#[derive(Debug, Clone, PartialEq)]
pub enum RunAction {
    /// Begin a step.
    Start {
        /// The step.
        step: String,
        /// Which try, from 1.
        attempt: u32,
    },
    /// Stop a step that is under way.
    Stop {
        /// The step.
        step: String,
    },
    /// Record the end.
    End(Box<RunEventKind>),
}

#[derive(Debug, Clone)]
struct Step {
    after: Vec<String>,
    phase: StepPhase,
    attempts: u32,
    failures: u32,
    losses: u32,
    done: u64,
    total: u64,
    rows: u64,
    seconds: Option<f64>,
    stall_share: Option<f64>,
}

/// The state.
#[derive(Debug, Clone)]
pub struct RunState {
    order: Vec<String>,
    steps: BTreeMap<String, Step>,
    phase: RunPhase,
    error: Option<String>,
    /// The run is over in all but name: running steps are being stopped.
    ending: bool,
}

impl RunState {
    /// A run of these steps: (name, names of those it waits for).
    #[must_use]
    pub fn new(steps: impl IntoIterator<Item = (String, Vec<String>)>) -> Self {
        let mut order = Vec::new();
        let mut map = BTreeMap::new();
        for (name, after) in steps {
            order.push(name.clone());
            let step = Step {
                after,
                phase: StepPhase::Waiting,
                attempts: 0,
                failures: 0,
                losses: 0,
                done: 0,
                total: 0,
                rows: 0,
                seconds: None,
                stall_share: None,
            };
            map.insert(name, step);
        }
        Self {
            order,
            steps: map,
            phase: RunPhase::Running,
            error: None,
            ending: false,
        }
    }

    /// The run's phase.
    #[must_use]
    pub fn phase(&self) -> RunPhase {
        self.phase
    }

    /// Why it failed.
    #[must_use]
    pub fn error(&self) -> Option<&str> {
        self.error.as_deref()
    }

    /// The steps as people see them.
    #[must_use]
    pub fn status(&self) -> Vec<StepStatus> {
        let of = |name: &String| {
            let step = self.steps.get(name)?;
            Some(StepStatus {
                step: name.clone(),
                phase: step.phase,
                attempts: step.attempts,
                done: step.done,
                total: step.total,
                rows: step.rows,
                seconds: step.seconds,
                stall_share: step.stall_share,
            })
        };
        self.order.iter().filter_map(of).collect()
    }

    /// Takes in a fact and says what is to be done.
    pub fn apply(&mut self, event: &RunEventKind) -> Vec<RunAction> {
        match event {
            RunEventKind::Submitted { .. } => self.next(),
            RunEventKind::Recovered => self.recover(),
            RunEventKind::StepStarted { step, attempt } => {
                self.with(step, |s| {
                    s.phase = StepPhase::Running;
                    s.attempts = *attempt;
                });
                Vec::new()
            }
            RunEventKind::StepProgress {
                step,
                done,
                total,
                rows,
                stall_share,
                ..
            } => {
                self.with(step, |s| {
                    (s.done, s.total, s.rows) = (*done, *total, *rows);
                    s.stall_share = *stall_share;
                });
                Vec::new()
            }
            RunEventKind::StepFinished {
                step,
                skipped,
                seconds,
                ..
            } => {
                self.with(step, |s| {
                    s.phase = if *skipped {
                        StepPhase::Skipped
                    } else {
                        StepPhase::Done
                    };
                    s.seconds = Some(*seconds);
                });
                self.next()
            }
            RunEventKind::StepLost { step, reason } => {
                self.with(step, |s| s.losses += 1);
                let many = self.steps.get(step).is_some_and(|s| s.losses >= MAX_LOSSES);
                self.again_or_fail(step, !many, reason)
            }
            RunEventKind::StepFailed {
                step,
                error,
                retryable,
            } => {
                self.with(step, |s| s.failures += 1);
                let many = self
                    .steps
                    .get(step)
                    .is_some_and(|s| s.failures >= MAX_FAILURES);
                self.again_or_fail(step, *retryable && !many, error)
            }
            RunEventKind::CancelRequested => {
                if self.phase != RunPhase::Running {
                    return Vec::new();
                }
                self.phase = RunPhase::Cancelling;
                self.stop_all()
            }
            RunEventKind::RetryRequested => self.retry(),
            RunEventKind::Succeeded => self.end(RunPhase::Succeeded),
            RunEventKind::Cancelled => self.end(RunPhase::Cancelled),
            RunEventKind::Failed { error } => {
                self.error = Some(error.clone());
                self.end(RunPhase::Failed)
            }
            RunEventKind::Loss { .. }
            | RunEventKind::Checked { .. }
            | RunEventKind::Operators { .. }
            | RunEventKind::Log { .. } => Vec::new(),
        }
    }

    fn with(&mut self, step: &str, change: impl FnOnce(&mut Step)) {
        if let Some(step) = self.steps.get_mut(step) {
            change(step);
        }
    }

    fn running(&self) -> Vec<String> {
        self.order
            .iter()
            .filter(|n| {
                self.steps
                    .get(*n)
                    .is_some_and(|s| s.phase == StepPhase::Running)
            })
            .cloned()
            .collect()
    }

    fn is_done(&self, name: &str) -> bool {
        self.steps
            .get(name)
            .is_some_and(|s| matches!(s.phase, StepPhase::Done | StepPhase::Skipped))
    }

    /// Starts what may start; ends the run where nothing is left.
    fn next(&mut self) -> Vec<RunAction> {
        if self.ending || self.phase == RunPhase::Cancelling {
            return self.end_when_idle();
        }
        if self.order.iter().all(|n| self.is_done(n)) {
            return vec![RunAction::End(Box::new(RunEventKind::Succeeded))];
        }
        let ready: Vec<String> = self
            .order
            .iter()
            .filter(|n| {
                self.steps.get(*n).is_some_and(|s| {
                    s.phase == StepPhase::Waiting && s.after.iter().all(|a| self.is_done(a))
                })
            })
            .cloned()
            .collect();
        ready.into_iter().map(|step| self.start(step)).collect()
    }

    fn start(&mut self, step: String) -> RunAction {
        let mut attempt = 1;
        self.with(&step, |s| {
            s.phase = StepPhase::Running;
            attempt = s.attempts + 1;
            s.attempts = attempt;
        });
        RunAction::Start { step, attempt }
    }

    fn again_or_fail(&mut self, step: &str, again: bool, reason: &str) -> Vec<RunAction> {
        if self.ending || self.phase == RunPhase::Cancelling {
            self.with(step, |s| s.phase = StepPhase::Waiting);
            return self.end_when_idle();
        }
        if again {
            return vec![self.start(step.to_owned())];
        }
        self.with(step, |s| s.phase = StepPhase::Failed);
        self.error = Some(format!("{step}: {reason}"));
        self.ending = true;
        self.stop_all()
    }

    fn stop_all(&mut self) -> Vec<RunAction> {
        let running = self.running();
        if running.is_empty() {
            return self.end_when_idle();
        }
        running
            .into_iter()
            .map(|step| RunAction::Stop { step })
            .collect()
    }

    fn end_when_idle(&self) -> Vec<RunAction> {
        if !self.running().is_empty() {
            return Vec::new();
        }
        let end = match &self.error {
            Some(error) if self.phase != RunPhase::Cancelling => RunEventKind::Failed {
                error: error.clone(),
            },
            _ => RunEventKind::Cancelled,
        };
        vec![RunAction::End(Box::new(end))]
    }

    fn end(&mut self, phase: RunPhase) -> Vec<RunAction> {
        self.phase = phase;
        self.ending = false;
        Vec::new()
    }

    /// After a restart nothing runs any more: what ran starts again, or the end is recorded.
    fn recover(&mut self) -> Vec<RunAction> {
        for step in self.running() {
            self.with(&step, |s| s.phase = StepPhase::Waiting);
        }
        match self.phase {
            RunPhase::Running | RunPhase::Cancelling => self.next(),
            _ => Vec::new(),
        }
    }

    fn retry(&mut self) -> Vec<RunAction> {
        if !matches!(self.phase, RunPhase::Failed | RunPhase::Cancelled) {
            return Vec::new();
        }
        self.phase = RunPhase::Running;
        self.error = None;
        self.ending = false;
        for step in self.steps.values_mut() {
            if !matches!(step.phase, StepPhase::Done | StepPhase::Skipped) {
                (step.phase, step.failures, step.losses) = (StepPhase::Waiting, 0, 0);
            }
        }
        self.next()
    }
}

#[cfg(test)]
mod tests;
