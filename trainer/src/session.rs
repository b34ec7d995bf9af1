//! One attached stream: liveness both ways, work down, reports up. At most one attempt at a time;
//! it does not outlive the stream.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use pannier_proto::MAX_MESSAGE_BYTES;
use pannier_proto::ids::BUILD_ID;
use pannier_proto::wire::work_service_client::WorkServiceClient;
use pannier_proto::wire::{
    SchedulerMessage, TrainerHello, TrainerMessage, scheduler_message, trainer_message,
};
use pannier_proto::work::{Work, WorkReport, WorkReportKind};
use tokio::runtime::Handle;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until, timeout};
use tokio_stream::wrappers::UnboundedReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::transport::{Channel, Endpoint};

use crate::attempt::{self, Surroundings};
use crate::config::TrainerConfig;
use crate::error::TrainerError;
use crate::report::Reporter;

const ALIVE_EVERY: Duration = Duration::from_secs(1);

/// Why a session is over.
pub(crate) enum Ended {
    /// The trainer is to stop.
    Shutdown,
    /// The scheduler went away, or never was there.
    Lost { attached: bool, reason: String },
}

/// Attaches and serves until the stream breaks, the scheduler is silent, or `shutdown`.
pub(crate) async fn session<F: Future<Output = ()>>(
    config: &Arc<TrainerConfig>,
    trainer_id: &str,
    endpoint: &Endpoint,
    shutdown: &mut Pin<&mut F>,
) -> Ended {
    let lost = |attached, reason: String| Ended::Lost { attached, reason };
    let (messages, outbound) = mpsc::unbounded_channel();
    let hello = TrainerHello {
        trainer_id: trainer_id.into(),
        build: BUILD_ID.into(),
        threads: config.resolved_threads() as u32,
    };
    let _ = messages.send(message(trainer_message::Kind::Hello(hello)));
    let attach = async {
        let channel = endpoint.connect().await.map_err(|e| e.to_string())?;
        let mut client = WorkServiceClient::new(channel.clone())
            .max_decoding_message_size(MAX_MESSAGE_BYTES)
            .max_encoding_message_size(MAX_MESSAGE_BYTES);
        let answer = client
            .attach(UnboundedReceiverStream::new(outbound))
            .await
            .map_err(|s| s.to_string())?;
        Ok::<_, String>((channel, answer.into_inner()))
    };
    let attached = tokio::select! {
        () = shutdown.as_mut() => return Ended::Shutdown,
        attached = timeout(config.silence.0, attach) => attached,
    };
    let (channel, mut inbound) = match attached {
        Ok(Ok(attached)) => attached,
        Ok(Err(reason)) => return lost(false, reason),
        Err(_) => return lost(false, "the scheduler does not answer".into()),
    };
    let mut link = Link::new(config, channel, messages);
    let mut tick = interval(ALIVE_EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut heard = Instant::now();
    let ended = loop {
        tokio::select! {
            () = shutdown.as_mut() => break Ended::Shutdown,
            () = sleep_until(heard + config.silence.0) => break lost(true, "the scheduler is silent".into()),
            _ = tick.tick() => link.say(trainer_message::Kind::Alive(true)),
            Some(report) = link.reports.recv() => link.report(&report),
            received = inbound.message() => match received {
                Ok(Some(received)) => {
                    heard = Instant::now();
                    link.obey(received);
                }
                Ok(None) => break lost(true, "the scheduler ended the stream".into()),
                Err(status) => break lost(true, status.to_string()),
            },
        }
    };
    link.stop().await;
    ended
}

fn message(kind: trainer_message::Kind) -> TrainerMessage {
    TrainerMessage { kind: Some(kind) }
}

/// The attempt that runs, if one does, and the way back to the scheduler.
struct Link {
    config: Arc<TrainerConfig>,
    channel: Channel,
    messages: UnboundedSender<TrainerMessage>,
    sender: UnboundedSender<WorkReport>,
    reports: UnboundedReceiver<WorkReport>,
    running: Option<Running>,
}

struct Running {
    attempt_id: String,
    cancel: CancellationToken,
    thread: JoinHandle<()>,
}

impl Link {
    fn new(
        config: &Arc<TrainerConfig>,
        channel: Channel,
        messages: UnboundedSender<TrainerMessage>,
    ) -> Self {
        let (sender, reports) = mpsc::unbounded_channel();
        Self {
            config: Arc::clone(config),
            channel,
            messages,
            sender,
            reports,
            running: None,
        }
    }

    /// A broken stream is noticed where messages are received.
    fn say(&self, kind: trainer_message::Kind) {
        let _ = self.messages.send(message(kind));
    }

    fn report(&mut self, report: &WorkReport) {
        let over = matches!(
            report.kind,
            WorkReportKind::Finished { .. } | WorkReportKind::Failed { .. }
        );
        if over
            && self
                .running
                .as_ref()
                .is_some_and(|r| r.attempt_id == report.attempt_id)
        {
            self.running = None;
        }
        match serde_json::to_string(report) {
            Ok(json) => self.say(trainer_message::Kind::Report(json)),
            Err(error) => tracing::error!(%error, "a report cannot be written as JSON"),
        }
    }

    fn refuse(&mut self, attempt_id: String, error: String, retryable: bool) {
        let kind = WorkReportKind::Failed { error, retryable };
        self.report(&WorkReport { attempt_id, kind });
    }

    fn obey(&mut self, received: SchedulerMessage) {
        match received.kind {
            Some(scheduler_message::Kind::Work(json)) => self.start(&json),
            Some(scheduler_message::Kind::Cancel(attempt_id)) => {
                if let Some(running) = self.running.as_ref().filter(|r| r.attempt_id == attempt_id)
                {
                    running.cancel.cancel();
                }
            }
            Some(scheduler_message::Kind::Alive(_)) | None => {}
        }
    }

    fn start(&mut self, json: &str) {
        let work: Work = match serde_json::from_str(json) {
            Ok(work) => work,
            Err(error) => {
                let id = serde_json::from_str::<serde_json::Value>(json).ok();
                let id = id.and_then(|v| v.get("attempt_id")?.as_str().map(str::to_owned));
                let text =
                    format!("this trainer ({BUILD_ID}) does not understand the work: {error}");
                return self.refuse(id.unwrap_or_default(), text, false);
            }
        };
        if let Some(running) = self.running.as_ref().filter(|r| !r.thread.is_finished()) {
            let text = format!("this trainer is busy with attempt {}", running.attempt_id);
            return self.refuse(work.attempt_id, text, true);
        }
        tracing::info!(
            attempt = work.attempt_id,
            run = work.run_id,
            step = work.step,
            "attempt started"
        );
        let cancel = CancellationToken::new();
        let surroundings = Surroundings {
            config: Arc::clone(&self.config),
            scheduler: Some(self.channel.clone()),
            cancel: cancel.clone(),
            reporter: Reporter::new(work.attempt_id.clone(), self.sender.clone()),
            runtime: Handle::current(),
        };
        let attempt_id = work.attempt_id.clone();
        let guard = PanicGuard(surroundings.reporter.clone());
        let thread = tokio::task::spawn_blocking(move || {
            let _guard = guard;
            attempt::run(&work, surroundings);
        });
        self.running = Some(Running {
            attempt_id,
            cancel,
            thread,
        });
    }

    /// Stops the attempt and waits until it has: two attempts never write at the same time.
    async fn stop(self) {
        if let Some(running) = self.running {
            running.cancel.cancel();
            let _ = running.thread.await;
        }
    }
}

/// Reports an attempt whose thread panics.
struct PanicGuard(Reporter);

impl Drop for PanicGuard {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let error =
                TrainerError::bug("the attempt panicked; the trainer's log says where").to_string();
            self.0.send(WorkReportKind::Failed {
                error,
                retryable: false,
            });
        }
    }
}
