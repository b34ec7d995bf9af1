//! The feed as an Arrow Flight service: `do_get(ticket)` gives one record batch per step, with a
//! `StepHeader` beside each. The other verbs say that they are not served.
//!
//! Back-pressure: two batches at most wait per stream; the rest is HTTP/2's flow control. Steps
//! are made on the feed's own threads, so that tasks of the engine never wait for a trainer.

use std::sync::Arc;
use std::time::Instant;

use arrow::ipc::writer::{DictionaryTracker, IpcDataGenerator, IpcWriteContext, IpcWriteOptions};
use arrow_flight::flight_service_server::FlightService;
use arrow_flight::{
    Action, ActionType, Criteria, Empty, FlightData, FlightDescriptor, FlightInfo,
    HandshakeRequest, HandshakeResponse, PollInfo, PutResult, SchemaAsIpc, SchemaResult, Ticket,
};
use futures::StreamExt;
use futures::stream::BoxStream;
use pannier_engine::warehouse::Warehouse;
use pannier_proto::feed::{FeedTicket, replica_slice};
use pannier_proto::wire::StepHeader;
use prost::Message;
use tokio::sync::{Semaphore, mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

use crate::config::ExecutorConfig;
use crate::error::FeedError;
use crate::feed::definition::{Definition, Definitions};
use crate::feed::transform;
use crate::feed::window::{WindowData, Windows};

/// Batches that may wait in a stream.
const WAITING: usize = 2;

/// The service.
#[derive(Debug, Clone)]
pub struct FeedService {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    definitions: Definitions,
    windows: Windows,
    pool: rayon::ThreadPool,
    streams: Arc<Semaphore>,
}

impl FeedService {
    /// A service over a warehouse.
    ///
    /// # Errors
    /// Where its threads cannot be started.
    pub fn new(
        warehouse: Warehouse,
        config: &ExecutorConfig,
    ) -> Result<Self, rayon::ThreadPoolBuildError> {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(config.feed_threads.max(1))
            .thread_name(|i| format!("feed-{i}"))
            .build()?;
        let inner = Inner {
            definitions: Definitions::new(warehouse.clone()),
            windows: Windows::new(warehouse, config.feed_cache.0 as usize),
            pool,
            streams: Arc::new(Semaphore::new(config.feed_streams.max(1))),
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }
}

impl Inner {
    /// One step's batch, its header, and whether it is the stream's first.
    async fn step(
        self: &Arc<Self>,
        feed: &Arc<Definition>,
        ticket: &FeedTicket,
        step: u64,
    ) -> Result<Vec<FlightData>, FeedError> {
        let order = feed.order(ticket.epoch);
        let rows = replica_slice(order.step_rows(step), ticket.replica, ticket.replicas);
        let mut scan_us = 0;
        let mut pieces: Vec<(Arc<WindowData>, std::ops::Range<u64>)> = Vec::new();
        for span in order.spans(rows) {
            let (window, micros) = self
                .windows
                .get(feed, &order, ticket.epoch, span.window)
                .await?;
            scan_us += micros;
            pieces.push((window, span.range));
        }
        let (done, made) = tokio::sync::oneshot::channel();
        let (feed, epoch, first) = (Arc::clone(feed), ticket.epoch, step == ticket.from_step);
        self.pool.spawn(move || {
            let started = Instant::now();
            let borrowed: Vec<_> = pieces
                .iter()
                .map(|(w, r)| (w.as_ref(), r.clone()))
                .collect();
            let encoded = transform::step(&feed.spec, &order, &borrowed).and_then(|batch| {
                let transform_us = started.elapsed().as_micros() as u64;
                encode(
                    &batch,
                    &StepHeader {
                        epoch,
                        step,
                        scan_us,
                        transform_us,
                    },
                    first,
                )
            });
            // The stream may be gone: then nobody wants the step.
            let _ = done.send(encoded);
        });
        made.await
            .map_err(|_| FeedError::Decode("a step's thread died".into()))?
    }

    /// Checks a ticket against its feed.
    async fn open(&self, ticket: &FeedTicket) -> Result<Arc<Definition>, FeedError> {
        let feed = self.definitions.get(&ticket.digest).await?;
        let steps = feed.spec.steps();
        if ticket.to_step > steps {
            return Err(FeedError::Mismatch(format!(
                "step {} was asked for, but an epoch has {steps}",
                ticket.to_step
            )));
        }
        Ok(feed)
    }
}

/// Flight messages of a batch; the stream's first carries the schema before it.
fn encode(
    batch: &arrow::record_batch::RecordBatch,
    header: &StepHeader,
    first: bool,
) -> Result<Vec<FlightData>, FeedError> {
    let options = IpcWriteOptions::default();
    let mut out = Vec::with_capacity(2);
    if first {
        out.push(FlightData::from(SchemaAsIpc::new(
            &batch.schema(),
            &options,
        )));
    }
    let mut tracker = DictionaryTracker::new(false);
    let (dictionaries, encoded) = IpcDataGenerator::default()
        .encode(
            batch,
            &mut tracker,
            &options,
            &mut IpcWriteContext::default(),
        )
        .map_err(|e| FeedError::Decode(e.to_string()))?;
    out.extend(dictionaries.into_iter().map(FlightData::from));
    out.push(FlightData::from(encoded).with_app_metadata(header.encode_to_vec()));
    Ok(out)
}

fn not_served<T>(verb: &str) -> Result<Response<T>, Status> {
    Err(Status::unimplemented(format!(
        "the feed serves do_get only, not {verb}"
    )))
}

#[tonic::async_trait]
impl FlightService for FeedService {
    type HandshakeStream = BoxStream<'static, Result<HandshakeResponse, Status>>;
    type ListFlightsStream = BoxStream<'static, Result<FlightInfo, Status>>;
    type DoGetStream = BoxStream<'static, Result<FlightData, Status>>;
    type DoPutStream = BoxStream<'static, Result<PutResult, Status>>;
    type DoExchangeStream = BoxStream<'static, Result<FlightData, Status>>;
    type DoActionStream = BoxStream<'static, Result<arrow_flight::Result, Status>>;
    type ListActionsStream = BoxStream<'static, Result<ActionType, Status>>;

    async fn do_get(
        &self,
        request: Request<Ticket>,
    ) -> Result<Response<Self::DoGetStream>, Status> {
        let ticket = FeedTicket::decode(&request.into_inner().ticket).map_err(FeedError::from)?;
        let inner = Arc::clone(&self.inner);
        let feed = inner.open(&ticket).await?;
        let permit = Arc::clone(&inner.streams)
            .acquire_owned()
            .await
            .map_err(|_| Status::unavailable("the feed is closing"))?;
        let (tx, rx) = mpsc::channel(WAITING);
        tokio::spawn(async move {
            for step in ticket.from_step..ticket.to_step {
                let messages = match inner.step(&feed, &ticket, step).await {
                    Ok(messages) => messages,
                    Err(error) => {
                        tracing::warn!(%error, feed = %ticket.digest, step, "a step could not be served");
                        let _ = tx.send(Err(error.into())).await;
                        return;
                    }
                };
                for message in messages {
                    if tx.send(Ok(message)).await.is_err() {
                        return;
                    }
                }
            }
            drop(permit);
        });
        Ok(Response::new(ReceiverStream::new(rx).boxed()))
    }

    async fn handshake(
        &self,
        _: Request<Streaming<HandshakeRequest>>,
    ) -> Result<Response<Self::HandshakeStream>, Status> {
        not_served("handshake")
    }
    async fn list_flights(
        &self,
        _: Request<Criteria>,
    ) -> Result<Response<Self::ListFlightsStream>, Status> {
        not_served("list_flights")
    }
    async fn get_flight_info(
        &self,
        _: Request<FlightDescriptor>,
    ) -> Result<Response<FlightInfo>, Status> {
        not_served("get_flight_info")
    }
    async fn poll_flight_info(
        &self,
        _: Request<FlightDescriptor>,
    ) -> Result<Response<PollInfo>, Status> {
        not_served("poll_flight_info")
    }
    async fn get_schema(
        &self,
        _: Request<FlightDescriptor>,
    ) -> Result<Response<SchemaResult>, Status> {
        not_served("get_schema")
    }
    async fn do_put(
        &self,
        _: Request<Streaming<FlightData>>,
    ) -> Result<Response<Self::DoPutStream>, Status> {
        not_served("do_put")
    }
    async fn do_exchange(
        &self,
        _: Request<Streaming<FlightData>>,
    ) -> Result<Response<Self::DoExchangeStream>, Status> {
        not_served("do_exchange")
    }
    async fn do_action(
        &self,
        _: Request<Action>,
    ) -> Result<Response<Self::DoActionStream>, Status> {
        not_served("do_action")
    }
    async fn list_actions(
        &self,
        _: Request<Empty>,
    ) -> Result<Response<Self::ListActionsStream>, Status> {
        not_served("list_actions")
    }
}
