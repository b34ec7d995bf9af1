//! The feed as an Arrow Flight service: `do_get(ticket)` gives one record batch per step, with a
//! `StepHeader` beside each; `get_flight_info` and `get_schema` say what a feed is, to readers that
//! know nothing but its digest. The other verbs say that they are not served.

use std::sync::Arc;

use arrow::ipc::writer::IpcWriteOptions;
use arrow_flight::flight_service_server::FlightService;
use arrow_flight::{
    Action, ActionType, Criteria, Empty, FlightData, FlightDescriptor, FlightEndpoint, FlightInfo,
    HandshakeRequest, HandshakeResponse, PollInfo, PutResult, SchemaAsIpc, SchemaResult, Ticket,
};
use futures::StreamExt;
use futures::stream::BoxStream;
use pannier_engine::warehouse::Warehouse;
use pannier_proto::feed::FeedTicket;
use pannier_proto::metrics::Metric;
use tonic::{Request, Response, Status, Streaming};

use crate::config::ExecutorConfig;
use crate::error::FeedError;
use crate::feed::definition::{Definition, Definitions};
use crate::feed::metrics::Served;
use crate::feed::rows::Rows;
use crate::feed::stream::{Limits, Serving};
use crate::feed::turns::Turns;

/// The service.
#[derive(Debug, Clone)]
pub struct FeedService {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    definitions: Definitions,
    rows: Arc<Rows>,
    pool: Arc<rayon::ThreadPool>,
    turns: Turns,
    served: Arc<Served>,
    config: ExecutorConfig,
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
            // Whoever waits for the step is told; nobody else's step is lost.
            .panic_handler(|_| tracing::error!("a thread of the feed panicked"))
            .build()?;
        let pool = Arc::new(pool);
        let cache = usize::try_from(config.feed_cache.0).unwrap_or(usize::MAX);
        let rows = Arc::new(Rows::new(warehouse, cache, Arc::clone(&pool)));
        let inner = Inner {
            definitions: Definitions::new(Arc::clone(&rows)),
            rows,
            pool,
            turns: Turns::new(config.feed_streams),
            served: Arc::default(),
            config: config.clone(),
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// What it has done, and what it holds now.
    #[must_use]
    pub fn metrics(&self) -> Vec<Metric> {
        let Inner {
            served,
            rows,
            turns,
            ..
        } = self.inner.as_ref();
        served.metrics(rows, turns)
    }

    /// What it reads rows with.
    #[must_use]
    pub fn rows(&self) -> &Rows {
        &self.inner.rows
    }
}

/// A ticket that was checked against its feed.
struct Opened {
    feed: Arc<Definition>,
    ticket: FeedTicket,
}

impl Inner {
    async fn open(&self, bytes: &[u8]) -> Result<Opened, FeedError> {
        let ticket = FeedTicket::decode(bytes)?;
        let feed = self.definitions.get(&ticket.digest).await?;
        let steps = feed.spec.steps();
        let last = ticket.to_step.unwrap_or(steps);
        if last > steps || ticket.from_step > last {
            return Err(FeedError::Mismatch(format!(
                "steps {} to {last} were asked for, but an epoch has {steps}",
                ticket.from_step
            )));
        }
        let ticket = FeedTicket {
            to_step: Some(last),
            ..ticket
        };
        Ok(Opened { feed, ticket })
    }

    async fn info(&self, descriptor: &FlightDescriptor) -> Result<FlightInfo, Status> {
        let opened = self.open(&descriptor.cmd).await?;
        let made = if opened.ticket.gathered {
            opened.feed.empty.clone()
        } else {
            opened.feed.make(&opened.feed.empty)?
        };
        let spec = &opened.feed.spec;
        let about = serde_json::json!({
            "steps": spec.steps(),
            "rows": spec.rows(),
            "batch_rows": spec.batch_rows,
            "epoch": opened.ticket.epoch,
        });
        let endpoint = FlightEndpoint::new().with_ticket(Ticket::new(opened.ticket.encode()));
        FlightInfo::new()
            .try_with_schema(&made.schema())
            .map(|info| {
                info.with_endpoint(endpoint)
                    .with_descriptor(descriptor.clone())
                    .with_ordered(true)
                    .with_app_metadata(about.to_string())
            })
            .map_err(|e| Status::internal(e.to_string()))
    }
}

fn not_served<T>(verb: &str) -> Result<Response<T>, Status> {
    Err(Status::unimplemented(format!(
        "the feed serves do_get, get_flight_info and get_schema, not {verb}"
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
        let inner = Arc::clone(&self.inner);
        let opened = inner.open(&request.into_inner().ticket).await?;
        let (turn, queue_us) = inner.turns.first(inner.config.feed_queue.0).await?;
        let serving = Serving {
            feed: opened.feed,
            ticket: opened.ticket,
            rows: Arc::clone(&inner.rows),
            pool: Arc::clone(&inner.pool),
            limits: Limits::of(&inner.config),
            queue_us,
            served: Arc::clone(&inner.served),
        };
        Ok(Response::new(serving.start(turn).boxed()))
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
        request: Request<FlightDescriptor>,
    ) -> Result<Response<FlightInfo>, Status> {
        Ok(Response::new(self.inner.info(request.get_ref()).await?))
    }
    async fn poll_flight_info(
        &self,
        _: Request<FlightDescriptor>,
    ) -> Result<Response<PollInfo>, Status> {
        not_served("poll_flight_info")
    }
    async fn get_schema(
        &self,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<SchemaResult>, Status> {
        let info = self.inner.info(request.get_ref()).await?;
        let schema = arrow::datatypes::Schema::try_from(info)
            .map_err(|e| Status::internal(e.to_string()))?;
        let options = IpcWriteOptions::default();
        let schema = SchemaResult::try_from(SchemaAsIpc::new(&schema, &options));
        schema
            .map(Response::new)
            .map_err(|e| Status::internal(e.to_string()))
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
