//! Trainers that are attached, and the work that waits for them. A trainer holds one lease at a
//! time; when its stream breaks the attempt is lost, and whoever asked for the work is told.

mod metrics;

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use pannier_proto::wire::{FeedEndpoint, SchedulerMessage, scheduler_message};
use pannier_proto::work::{FeedAddress, Work, WorkReport, WorkReportKind};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use metrics::Told;

/// An executor that has not said for so long where its feed is, is gone.
const HEARD: Duration = Duration::from_secs(60);

/// What happens to an attempt.
#[derive(Debug)]
pub enum AttemptEvent {
    /// A trainer took it.
    Leased {
        /// The trainer.
        trainer: String,
    },
    /// The trainer said something.
    Report(Box<WorkReportKind>),
    /// The trainer went away.
    Lost {
        /// What was seen.
        reason: String,
    },
}

struct Pending {
    work: Work,
    events: UnboundedSender<AttemptEvent>,
}

struct Attached {
    send: UnboundedSender<SchedulerMessage>,
    lease: Option<Pending>,
    told: Told,
}

#[derive(Default)]
struct State {
    trainers: HashMap<String, Attached>,
    queue: VecDeque<Pending>,
    feeds: HashMap<String, (String, Instant)>,
}

/// The book of trainers and feeds.
#[derive(Clone, Default)]
pub struct Trainers {
    state: Arc<Mutex<State>>,
}

impl Trainers {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands work to the next free trainer.
    pub fn submit(&self, work: Work) -> UnboundedReceiver<AttemptEvent> {
        let (events, receiver) = unbounded_channel();
        let mut state = self.state();
        state.queue.push_back(Pending { work, events });
        dispatch(&mut state);
        receiver
    }

    /// Takes work back, from the queue or from its trainer.
    pub fn cancel(&self, attempt_id: &str) {
        let mut state = self.state();
        state.queue.retain(|p| p.work.attempt_id != attempt_id);
        for trainer in state.trainers.values_mut() {
            if trainer
                .lease
                .as_ref()
                .is_some_and(|p| p.work.attempt_id == attempt_id)
            {
                // The lease stays until the trainer says that it has stopped.
                let _ = trainer.send.send(message(scheduler_message::Kind::Cancel(
                    attempt_id.to_owned(),
                )));
            }
        }
    }

    /// A trainer is there.
    pub fn attach(&self, trainer_id: &str) -> UnboundedReceiver<SchedulerMessage> {
        let (send, receiver) = unbounded_channel();
        let (lease, told) = (None, Told::default());
        let attached = Attached { send, lease, told };
        let mut state = self.state();
        if let Some(old) = state.trainers.insert(trainer_id.to_owned(), attached) {
            lose(old, "the trainer attached again");
        }
        dispatch(&mut state);
        receiver
    }

    /// A trainer is gone.
    pub fn detach(&self, trainer_id: &str, reason: &str) {
        let mut state = self.state();
        if let Some(gone) = state.trainers.remove(trainer_id) {
            lose(gone, reason);
        }
        dispatch(&mut state);
    }

    /// A trainer reported. A report on an attempt that it does not hold is dropped.
    pub fn report(&self, trainer_id: &str, report: WorkReport) {
        let mut state = self.state();
        let Some(trainer) = state.trainers.get_mut(trainer_id) else {
            return;
        };
        let Some(lease) = trainer
            .lease
            .as_ref()
            .filter(|p| p.work.attempt_id == report.attempt_id)
        else {
            return;
        };
        trainer.told.hear(&report.kind);
        let over = matches!(
            report.kind,
            WorkReportKind::Finished { .. } | WorkReportKind::Failed { .. }
        );
        // Whoever asked may have lost interest; the trainer is free all the same.
        let _ = lease
            .events
            .send(AttemptEvent::Report(Box::new(report.kind)));
        if over {
            trainer.lease = None;
            dispatch(&mut state);
        }
    }

    /// Number of trainers.
    #[must_use]
    pub fn count(&self) -> usize {
        self.state().trainers.len()
    }

    /// An executor said where its feed is.
    pub fn announce(&self, feed: FeedEndpoint) {
        self.state()
            .feeds
            .insert(feed.executor_id, (feed.url, Instant::now()));
    }

    /// Feeds heard of lately, by executor.
    #[must_use]
    pub fn feeds(&self) -> Vec<FeedAddress> {
        heard_of(&mut self.state())
    }
}

fn heard_of(state: &mut State) -> Vec<FeedAddress> {
    state.feeds.retain(|_, (_, at)| at.elapsed() < HEARD);
    let feeds = state.feeds.iter().map(|(id, (url, _))| FeedAddress {
        executor_id: id.clone(),
        url: url.clone(),
    });
    let mut feeds: Vec<FeedAddress> = feeds.collect();
    feeds.sort_by(|a, b| a.executor_id.cmp(&b.executor_id));
    feeds
}

fn message(kind: scheduler_message::Kind) -> SchedulerMessage {
    SchedulerMessage { kind: Some(kind) }
}

fn lose(trainer: Attached, reason: &str) {
    if let Some(lease) = trainer.lease {
        let _ = lease.events.send(AttemptEvent::Lost {
            reason: reason.to_owned(),
        });
    }
}

/// Gives waiting work to free trainers.
fn dispatch(state: &mut State) {
    let feeds = heard_of(state);
    for (id, trainer) in &mut state.trainers {
        if trainer.lease.is_some() {
            continue;
        }
        let Some(mut pending) = state.queue.pop_front() else {
            return;
        };
        pending.work.feeds.clone_from(&feeds);
        let json = serde_json::to_string(&pending.work).unwrap_or_default();
        if trainer
            .send
            .send(message(scheduler_message::Kind::Work(json)))
            .is_err()
        {
            state.queue.push_front(pending);
            continue;
        }
        let _ = pending.events.send(AttemptEvent::Leased {
            trainer: id.clone(),
        });
        (trainer.lease, trainer.told) = (Some(pending), Told::default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pannier_proto::work::{PredictWork, PredictionForm, Predictor, WorkKind};

    fn work(id: &str) -> Work {
        let queries = pannier_proto::feed::FeedSpec::new("queries", "v", vec![]);
        let kind = WorkKind::Predict(PredictWork {
            predictor: Predictor::Popularity,
            queries,
            vocab: "v".into(),
            top: 1,
            new_only: true,
            output: "o".into(),
            form: PredictionForm::Ranks,
        });
        Work {
            attempt_id: id.into(),
            run_id: "r".into(),
            step: "s".into(),
            attempt: 1,
            warehouse: "w".into(),
            feeds: vec![],
            kind,
        }
    }

    fn failed(id: &str) -> WorkReport {
        WorkReport {
            attempt_id: id.into(),
            kind: WorkReportKind::Failed {
                error: "no".into(),
                retryable: false,
            },
        }
    }

    #[test]
    fn one_lease_at_a_time_and_a_lost_stream_is_told() {
        let trainers = Trainers::default();
        let mut first = trainers.submit(work("a"));
        let mut second = trainers.submit(work("b"));
        let _stream = trainers.attach("t");
        assert!(matches!(first.try_recv(), Ok(AttemptEvent::Leased { .. })));
        assert!(second.try_recv().is_err());
        trainers.report("t", failed("b"));
        assert!(
            first.try_recv().is_err(),
            "a report on another's attempt is dropped"
        );
        trainers.report("t", failed("a"));
        assert!(matches!(first.try_recv(), Ok(AttemptEvent::Report(_))));
        assert!(matches!(second.try_recv(), Ok(AttemptEvent::Leased { .. })));
        trainers.detach("t", "gone");
        assert!(matches!(second.try_recv(), Ok(AttemptEvent::Lost { .. })));
    }
}
