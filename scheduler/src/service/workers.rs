//! Trainers attach here, executors announce their feeds here.

use std::time::Duration;

use futures::StreamExt;
use futures::stream::BoxStream;
use pannier_proto::wire::work_service_server::WorkService;
use pannier_proto::wire::{
    AnnounceFeedResponse, FeedEndpoint, ListFeedsRequest, ListFeedsResponse, SchedulerMessage,
    TrainerMessage, scheduler_message, trainer_message,
};
use pannier_proto::work::WorkReport;
use tokio::sync::mpsc::unbounded_channel;
use tokio_stream::wrappers::UnboundedReceiverStream;
use tonic::{Request, Response, Status, Streaming};

use crate::trainers::Trainers;

/// The service.
pub struct Workers {
    trainers: Trainers,
    timeout: Duration,
}

impl Workers {
    /// Serves this book; a silent trainer is given up after `timeout`.
    pub fn new(trainers: Trainers, timeout: Duration) -> Self {
        Self { trainers, timeout }
    }
}

/// Reads what a trainer says until it falls silent or hangs up; the reason is told.
async fn listen(
    trainers: &Trainers,
    id: &str,
    stream: &mut Streaming<TrainerMessage>,
    timeout: Duration,
) -> String {
    loop {
        let message = match tokio::time::timeout(timeout, stream.next()).await {
            Err(_) => return format!("trainer {id} was silent for {} s", timeout.as_secs()),
            Ok(None) => return format!("trainer {id} hung up"),
            Ok(Some(Err(status))) => return format!("trainer {id} is gone: {}", status.message()),
            Ok(Some(Ok(message))) => message,
        };
        if let Some(trainer_message::Kind::Report(json)) = message.kind {
            match serde_json::from_str::<WorkReport>(&json) {
                Ok(report) => trainers.report(id, report),
                Err(error) => {
                    tracing::warn!(trainer = id, %error, "a report cannot be read; are the builds the same?")
                }
            }
        }
    }
}

#[tonic::async_trait]
impl WorkService for Workers {
    type AttachStream = BoxStream<'static, Result<SchedulerMessage, Status>>;

    async fn attach(
        &self,
        request: Request<Streaming<TrainerMessage>>,
    ) -> Result<Response<Self::AttachStream>, Status> {
        let mut stream = request.into_inner();
        let first = tokio::time::timeout(self.timeout, stream.next())
            .await
            .map_err(|_| Status::deadline_exceeded("no hello came"))?;
        let Some(Ok(TrainerMessage {
            kind: Some(trainer_message::Kind::Hello(hello)),
        })) = first
        else {
            return Err(Status::invalid_argument(
                "the first message must be a hello",
            ));
        };
        let id = hello.trainer_id;
        tracing::info!(trainer = %id, threads = hello.threads, "trainer attached");
        let (out, messages) = unbounded_channel();
        let mut orders = self.trainers.attach(&id);
        let (trainers, timeout) = (self.trainers.clone(), self.timeout);
        tokio::spawn(async move {
            let mut alive = tokio::time::interval(Duration::from_secs(1));
            let reason = tokio::select! {
                reason = listen(&trainers, &id, &mut stream, timeout) => reason,
                () = async {
                    loop {
                        let message = tokio::select! {
                            order = orders.recv() => match order { Some(order) => order, None => return },
                            _ = alive.tick() => SchedulerMessage { kind: Some(scheduler_message::Kind::Alive(true)) },
                        };
                        if out.send(Ok(message)).is_err() {
                            return;
                        }
                    }
                } => format!("trainer {id} no longer listens"),
            };
            tracing::info!(trainer = %id, %reason, "trainer detached");
            trainers.detach(&id, &reason);
        });
        Ok(Response::new(
            UnboundedReceiverStream::new(messages).boxed(),
        ))
    }

    async fn announce_feed(
        &self,
        request: Request<FeedEndpoint>,
    ) -> Result<Response<AnnounceFeedResponse>, Status> {
        self.trainers.announce(request.into_inner());
        Ok(Response::new(AnnounceFeedResponse {}))
    }

    async fn list_feeds(
        &self,
        _: Request<ListFeedsRequest>,
    ) -> Result<Response<ListFeedsResponse>, Status> {
        let feeds = self.trainers.feeds().into_iter();
        let feeds = feeds.map(FeedEndpoint::from).collect();
        Ok(Response::new(ListFeedsResponse { feeds }))
    }
}
