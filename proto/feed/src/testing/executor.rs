//! Executors that serve baskets in memory by the contract's own order and transforms, and fail as
//! they are told.

use std::pin::Pin;
use std::sync::{Arc, Mutex};

use arrow::array::{ArrayRef, ListArray, RecordBatch, UInt64Array};
use arrow::compute::take_record_batch;
use arrow::datatypes::UInt32Type;
use arrow_flight::flight_service_server::{FlightService, FlightServiceServer};
use arrow_flight::{
    Action, ActionType, Criteria, Empty, FlightData, FlightDescriptor, FlightInfo,
    HandshakeRequest, HandshakeResponse, PollInfo, PutResult, SchemaResult, Ticket,
};
use futures::{Stream, StreamExt, stream};
use pannier_proto::feed::{FeedSpec, FeedTicket, Transform, replica_slice};
use pannier_proto::wire::StepHeader;
use pannier_proto::work::FeedAddress;
use prost::Message;
use tokio::runtime::Runtime;
use tonic::{Request, Response, Status, Streaming};

use super::listen;
use crate::transform::{Maker, RANDOM, extra_columns};

/// What an executor does after it served some steps of a request; or at a step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Fault {
    None,
    Fail(usize),
    End(usize),
    Hang(usize),
    HangAt(u64, u64),
    Skip(usize),
    Refuse,
}

/// A feed over rows in memory.
#[derive(Clone)]
pub struct TestFeed {
    pub spec: FeedSpec,
    pub baskets: Vec<Vec<u32>>,
    /// Rows of another table than of baskets.
    table: Option<RecordBatch>,
}

impl TestFeed {
    /// Row groups of 7 rows; steps of 4 rows; windows of 12 at least.
    #[must_use]
    pub fn new(baskets: Vec<Vec<u32>>, transform: Transform, shuffle: bool) -> Self {
        let rows = baskets.len() as u64;
        let row_groups = (0..rows.div_ceil(7)).map(|g| 7.min(rows - g * 7));
        let columns: &[&str] = match transform {
            Transform::Select => &["query_id", "items"],
            _ => &["items"],
        };
        let spec = FeedSpec {
            columns: columns.iter().map(ToString::to_string).collect(),
            transform,
            seed: 7,
            shuffle,
            batch_rows: 4,
            window_rows: 12,
            ..FeedSpec::new("baskets", "1", row_groups.collect())
        };
        Self {
            spec,
            baskets,
            table: None,
        }
    }

    /// Rows of a table as they are, in their order.
    #[must_use]
    pub fn of_table(name: &str, table: RecordBatch) -> Self {
        let rows = vec![Vec::new(); table.num_rows()];
        let mut feed = Self::new(rows, Transform::Select, false);
        feed.spec.table = name.to_owned();
        feed.spec.columns = table
            .schema()
            .fields()
            .iter()
            .map(|f| f.name().clone())
            .collect();
        feed.table = Some(table);
        feed
    }

    /// Rows of a slice of a step, as they are gathered.
    fn gathered(&self, ticket: &FeedTicket, step: u64) -> RecordBatch {
        let order = self.spec.order(ticket.epoch);
        let mut rows = Vec::new();
        let slice = replica_slice(order.step_rows(step), ticket.replica, ticket.replicas);
        for span in order.spans(slice) {
            let window = order.window_order(&order.windows()[span.window]);
            rows.extend(span.range.map(|place| window.id_of(window.row(place))));
        }
        if let Some(table) = &self.table {
            let seeds: Vec<u64> = rows.iter().map(|r| order.row_seed(*r)).collect();
            let taken = take_record_batch(table, &UInt64Array::from(rows)).unwrap();
            let names = taken.schema();
            let names = names.fields().iter().map(|f| f.name().clone());
            let mut columns: Vec<(String, ArrayRef)> =
                names.zip(taken.columns().iter().cloned()).collect();
            for extra in extra_columns(&self.spec.transform) {
                assert_eq!(*extra, RANDOM, "a table's rows have no ids here");
                columns.push((
                    (*extra).to_owned(),
                    Arc::new(UInt64Array::from(seeds.clone())),
                ));
            }
            return RecordBatch::try_from_iter(columns).unwrap();
        }
        let lists = rows
            .iter()
            .map(|r| Some(self.baskets[*r as usize].iter().map(|i| Some(*i))));
        let items: ArrayRef = Arc::new(ListArray::from_iter_primitive::<UInt32Type, _, _>(lists));
        let numbers = |of: &dyn Fn(u64) -> u64| -> ArrayRef {
            Arc::new(UInt64Array::from_iter_values(rows.iter().map(|r| of(*r))))
        };
        RecordBatch::try_from_iter(match self.spec.transform {
            Transform::Select => [("query_id", numbers(&|r| r + 1000)), ("items", items)],
            _ => [("items", items), (RANDOM, numbers(&|r| order.row_seed(r)))],
        })
        .unwrap()
    }

    /// What a ticket gets for a step.
    fn served(&self, ticket: &FeedTicket, step: u64) -> RecordBatch {
        let rows = self.gathered(ticket, step);
        if ticket.gathered {
            return rows;
        }
        Maker::new(&self.spec.transform)
            .unwrap()
            .make(&rows)
            .unwrap()
    }

    /// The batch of a step.
    #[must_use]
    pub fn batch(&self, epoch: u64, step: u64) -> RecordBatch {
        let ticket = FeedTicket {
            epoch,
            ..FeedTicket::new("")
        };
        self.served(&ticket, step)
    }
}

/// A running executor.
pub struct TestExecutor {
    pub address: FeedAddress,
    /// Tickets it got.
    pub asked: Arc<Mutex<Vec<FeedTicket>>>,
}

impl TestExecutor {
    pub fn start(runtime: &Runtime, id: &str, feeds: Vec<TestFeed>, fault: Fault) -> Self {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let service = FlightServiceServer::new(Service {
            feeds: Arc::new(feeds),
            fault,
            asked: Arc::clone(&asked),
        });
        let (address, incoming) = listen(runtime);
        runtime.spawn(
            tonic::transport::Server::builder()
                .add_service(service)
                .serve_with_incoming(incoming),
        );
        Self {
            address: FeedAddress {
                executor_id: id.into(),
                url: format!("http://{address}"),
            },
            asked,
        }
    }
}

struct Service {
    feeds: Arc<Vec<TestFeed>>,
    fault: Fault,
    asked: Arc<Mutex<Vec<FeedTicket>>>,
}

type Out<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// A step's messages: schema first where it is the first of a stream.
fn messages(
    feed: &TestFeed,
    ticket: &FeedTicket,
    step: u64,
    header_step: u64,
    first: bool,
) -> Vec<Result<FlightData, Status>> {
    let batch = feed.served(ticket, step);
    let mut data =
        arrow_flight::utils::batches_to_flight_data(&batch.schema(), vec![batch]).unwrap();
    let header = StepHeader {
        epoch: ticket.epoch,
        step: header_step,
        scan_us: 30,
        transform_us: 10,
        queue_us: 0,
    };
    data.last_mut().unwrap().app_metadata = header.encode_to_vec().into();
    data.into_iter().skip(usize::from(!first)).map(Ok).collect()
}

#[tonic::async_trait]
impl FlightService for Service {
    type HandshakeStream = Out<HandshakeResponse>;
    type ListFlightsStream = Out<FlightInfo>;
    type DoGetStream = Out<FlightData>;
    type DoPutStream = Out<PutResult>;
    type DoExchangeStream = Out<FlightData>;
    type DoActionStream = Out<arrow_flight::Result>;
    type ListActionsStream = Out<ActionType>;

    async fn do_get(
        &self,
        request: Request<Ticket>,
    ) -> Result<Response<Self::DoGetStream>, Status> {
        let ticket = FeedTicket::decode(&request.into_inner().ticket)
            .map_err(|e| Status::invalid_argument(e.to_string()))?;
        self.asked.lock().unwrap().push(ticket.clone());
        if self.fault == Fault::Refuse {
            return Err(Status::invalid_argument("not for you"));
        }
        let feeds = Arc::clone(&self.feeds);
        let found = feeds.iter().position(|f| f.spec.digest() == ticket.digest);
        let at = found.ok_or_else(|| Status::not_found("no such feed"))?;
        let fault = self.fault;
        let to_step = ticket.to_step.unwrap_or(feeds[at].spec.steps());
        let steps = (ticket.from_step..to_step).enumerate();
        let served = steps.flat_map(move |(n, step)| match fault {
            Fault::Fail(after) if n == after => vec![Err(Status::unavailable("told to fail"))],
            Fault::End(after) | Fault::Hang(after) | Fault::Fail(after) if n >= after => vec![],
            Fault::HangAt(epoch, at) if (ticket.epoch, step) >= (epoch, at) => vec![],
            Fault::Skip(after) if n == after => {
                messages(&feeds[at], &ticket, step, step + 1, n == 0)
            }
            _ => messages(&feeds[at], &ticket, step, step, n == 0),
        });
        let served = stream::iter(served);
        Ok(Response::new(match fault {
            Fault::Hang(_) | Fault::HangAt(..) => served.chain(stream::pending()).boxed(),
            _ => served.boxed(),
        }))
    }

    async fn handshake(
        &self,
        _: Request<Streaming<HandshakeRequest>>,
    ) -> Result<Response<Self::HandshakeStream>, Status> {
        Err(Status::unimplemented(""))
    }
    async fn list_flights(
        &self,
        _: Request<Criteria>,
    ) -> Result<Response<Self::ListFlightsStream>, Status> {
        Err(Status::unimplemented(""))
    }
    async fn get_flight_info(
        &self,
        _: Request<FlightDescriptor>,
    ) -> Result<Response<FlightInfo>, Status> {
        Err(Status::unimplemented(""))
    }
    async fn poll_flight_info(
        &self,
        _: Request<FlightDescriptor>,
    ) -> Result<Response<PollInfo>, Status> {
        Err(Status::unimplemented(""))
    }
    async fn get_schema(
        &self,
        _: Request<FlightDescriptor>,
    ) -> Result<Response<SchemaResult>, Status> {
        Err(Status::unimplemented(""))
    }
    async fn do_put(
        &self,
        _: Request<Streaming<FlightData>>,
    ) -> Result<Response<Self::DoPutStream>, Status> {
        Err(Status::unimplemented(""))
    }
    async fn do_exchange(
        &self,
        _: Request<Streaming<FlightData>>,
    ) -> Result<Response<Self::DoExchangeStream>, Status> {
        Err(Status::unimplemented(""))
    }
    async fn do_action(
        &self,
        _: Request<Action>,
    ) -> Result<Response<Self::DoActionStream>, Status> {
        Err(Status::unimplemented(""))
    }
    async fn list_actions(
        &self,
        _: Request<Empty>,
    ) -> Result<Response<Self::ListActionsStream>, Status> {
        Err(Status::unimplemented(""))
    }
}
