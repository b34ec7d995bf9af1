//! A scheduler that gives a test both ends of every attached stream.

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::Stream;
use pannier_proto::wire::work_service_server::{WorkService, WorkServiceServer};
use pannier_proto::wire::{
    AnnounceFeedResponse, FeedEndpoint, ListFeedsRequest, ListFeedsResponse, SchedulerMessage,
    TrainerMessage, scheduler_message, trainer_message,
};
use pannier_proto::work::{FeedAddress, Work, WorkReport, WorkReportKind};
use tokio::runtime::Runtime;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::timeout;
use tokio_stream::wrappers::UnboundedReceiverStream;
use tonic::{Request, Response, Status, Streaming};

const PATIENCE: Duration = Duration::from_secs(20);

/// One attached trainer.
pub struct Attached {
    down: UnboundedSender<Result<SchedulerMessage, Status>>,
    up: Streaming<TrainerMessage>,
}

impl Attached {
    pub fn work(&self, work: &Work) {
        self.send(scheduler_message::Kind::Work(
            serde_json::to_string(work).unwrap(),
        ));
    }

    pub fn send(&self, kind: scheduler_message::Kind) {
        self.down
            .send(Ok(SchedulerMessage { kind: Some(kind) }))
            .unwrap();
    }

    /// The next message that is not `alive`; `None` when the trainer went away.
    pub async fn next(&mut self) -> Option<trainer_message::Kind> {
        loop {
            match timeout(PATIENCE, self.up.message()).await.unwrap() {
                Ok(Some(TrainerMessage {
                    kind: Some(trainer_message::Kind::Alive(_)),
                })) => {}
                Ok(Some(message)) => return message.kind,
                Ok(None) | Err(_) => return None,
            }
        }
    }

    /// Reports up to the first that `last` says is the one.
    pub async fn reports(&mut self, last: impl Fn(&WorkReportKind) -> bool) -> Vec<WorkReportKind> {
        let mut reports = Vec::new();
        loop {
            match self.next().await {
                Some(trainer_message::Kind::Report(json)) => {
                    reports.push(serde_json::from_str::<WorkReport>(&json).unwrap().kind);
                    if reports.last().is_some_and(&last) {
                        return reports;
                    }
                }
                Some(_) => {}
                None => return reports,
            }
        }
    }
}

/// A running scheduler.
pub struct TestScheduler {
    pub url: String,
    pub attached: UnboundedReceiver<Attached>,
}

struct Service {
    feeds: Arc<Mutex<Vec<FeedAddress>>>,
    attached: UnboundedSender<Attached>,
}

impl TestScheduler {
    pub fn start(runtime: &Runtime, feeds: Vec<FeedAddress>) -> Self {
        let (sender, attached) = unbounded_channel();
        let service = WorkServiceServer::new(Service {
            feeds: Arc::new(Mutex::new(feeds)),
            attached: sender,
        });
        let (address, incoming) = super::listen(runtime);
        runtime.spawn(
            tonic::transport::Server::builder()
                .add_service(service)
                .serve_with_incoming(incoming),
        );
        Self {
            url: format!("http://{address}"),
            attached,
        }
    }

    pub async fn trainer(&mut self) -> Attached {
        timeout(PATIENCE, self.attached.recv())
            .await
            .unwrap()
            .unwrap()
    }
}

#[tonic::async_trait]
impl WorkService for Service {
    type AttachStream = Pin<Box<dyn Stream<Item = Result<SchedulerMessage, Status>> + Send>>;

    async fn attach(
        &self,
        request: Request<Streaming<TrainerMessage>>,
    ) -> Result<Response<Self::AttachStream>, Status> {
        let (down, messages) = unbounded_channel();
        let _ = self.attached.send(Attached {
            down,
            up: request.into_inner(),
        });
        Ok(Response::new(Box::pin(UnboundedReceiverStream::new(
            messages,
        ))))
    }
    async fn announce_feed(
        &self,
        _: Request<FeedEndpoint>,
    ) -> Result<Response<AnnounceFeedResponse>, Status> {
        Ok(Response::new(AnnounceFeedResponse {}))
    }
    async fn list_feeds(
        &self,
        _: Request<ListFeedsRequest>,
    ) -> Result<Response<ListFeedsResponse>, Status> {
        let feeds = self.feeds.lock().unwrap().clone();
        let feeds = feeds.into_iter().map(FeedEndpoint::from).collect();
        Ok(Response::new(ListFeedsResponse { feeds }))
    }
}
