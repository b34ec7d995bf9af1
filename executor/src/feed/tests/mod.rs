//! The feed over real Flight, on a real warehouse of made-up baskets.

mod failures;
mod limits;
mod order;
mod warehouse;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow_flight::flight_service_client::FlightServiceClient;
use pannier_feed::FeedError;
use pannier_feed::reader::{Directory, Feed, ReaderConfig, Surroundings, Wanted};
use pannier_proto::config::{ByteSize, Span};
use pannier_proto::feed::{FeedSpec, PairWindow, Part, Target, Transform};
use pannier_proto::work::FeedAddress;
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;
use tonic::transport::{Channel, Endpoint};
use warehouse::World;

use crate::config::ExecutorConfig;
use crate::feed::server::FeedServer;
use crate::feed::service::FeedService;

/// One executor's feed.
struct Executor {
    service: FeedService,
    address: FeedAddress,
    _server: FeedServer,
}

impl Executor {
    async fn start(world: &World, config: ExecutorConfig) -> Self {
        let service = FeedService::new(world.warehouse.clone(), &config).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = FeedServer::start(service.clone(), listener, config.feed_threads).unwrap();
        Self {
            service,
            address: FeedAddress {
                executor_id: format!("e{port}"),
                url: format!("http://127.0.0.1:{port}"),
            },
            _server: server,
        }
    }
}

async fn client(executor: &Executor) -> FlightServiceClient<Channel> {
    let endpoint = Endpoint::from_shared(executor.address.url.clone()).unwrap();
    FlightServiceClient::new(endpoint.connect().await.unwrap())
}

fn small() -> ExecutorConfig {
    ExecutorConfig {
        feed_cache: ByteSize(64 << 20),
        feed_queue: Span(Duration::from_millis(50)),
        ..ExecutorConfig::default()
    }
}

fn reader() -> ReaderConfig {
    ReaderConfig {
        timeout: Duration::from_secs(30),
        ..ReaderConfig::default()
    }
}

fn open(
    executors: &[&Executor],
    config: &ReaderConfig,
    feed: &FeedSpec,
    wanted: Wanted,
) -> Result<Feed, FeedError> {
    let executors = executors.iter().map(|e| e.address.clone()).collect();
    let around = Surroundings {
        directory: Arc::new(Directory::new(executors, None)),
        runtime: Handle::current(),
        cancel: CancellationToken::new(),
        log: Arc::new(|_| {}),
    };
    Feed::open(&around, config, feed, wanted)
}

/// All steps of some epochs, from (0, 0), as one replica gets them.
async fn read(
    executors: &[&Executor],
    config: &ReaderConfig,
    feed: &FeedSpec,
    (replica, replicas): (u32, u32),
) -> Vec<RecordBatch> {
    let wanted = Wanted {
        replica,
        replicas,
        ..Wanted::epochs((0, 0), 2)
    };
    let mut feed = open(executors, config, feed, wanted).unwrap();
    let mut batches = Vec::new();
    while let Some(step) = feed.next_step().await.unwrap() {
        batches.push(step.batch);
    }
    batches
}

/// One feed of each transform.
fn every_transform(world: &World) -> BTreeMap<&'static str, FeedSpec> {
    let noise = || {
        Some(pannier_proto::feed::Noise {
            draws: 2,
            power: 0.75,
            counts: (1..50).collect(),
        })
    };
    let pairs = Transform::Pairs {
        window: PairWindow::Items(3),
        first_item: 2,
        keep: vec![u32::MAX / 2; 60],
        negatives: noise(),
    };
    let sequences = Transform::Sequences {
        part: Part::Train,
        target: Target::Random,
        max_history: 3,
    };
    let sql = "select basket_id, unnest(items) as item from rows where _random % 3 > 0";
    let feed = |table: &str, columns: &[&str], transform| FeedSpec {
        columns: columns.iter().map(ToString::to_string).collect(),
        transform,
        shuffle: true,
        batch_rows: 32,
        window_rows: 100,
        ..world.feed(table)
    };
    BTreeMap::from([
        (
            "select",
            feed("baskets", &["items", "basket_id"], Transform::Select),
        ),
        ("pairs", feed("baskets", &["items"], pairs)),
        (
            "sequences",
            feed(
                "sequences",
                &["baskets", "train", "valid", "user_id"],
                sequences,
            ),
        ),
        (
            "counts",
            feed(
                "baskets",
                &["name", "first", "basket_id"],
                Transform::Counts {
                    alpha: 2.0,
                    negatives: noise(),
                },
            ),
        ),
        (
            "interactions",
            feed(
                "baskets",
                &["first", "split", "name"],
                Transform::Interactions {
                    part: Part::Test,
                    negatives: noise(),
                },
            ),
        ),
        (
            "sql",
            feed(
                "baskets",
                &["basket_id", "items"],
                Transform::Sql { sql: sql.into() },
            ),
        ),
    ])
}
