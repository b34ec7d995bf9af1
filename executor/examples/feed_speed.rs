//! What the feed costs: the same epoch read through Flight over loopback, and made in this process
//! without it. Both sides in one run, alternating, on the `train_baskets` of a warehouse.
//!
//!     cargo build --release --workspace --examples
//!     target/release/examples/feed_speed pannier-data/warehouse
//!
//! Prints one JSON line per side and round, and the ratio of the medians.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use arrow_flight::FlightClient;
use arrow_flight::flight_service_server::FlightServiceServer;
use futures::TryStreamExt;
use pannier_engine::warehouse::Warehouse;
use pannier_executor::ExecutorConfig;
use pannier_executor::feed::definition::Definitions;
use pannier_executor::feed::service::FeedService;
use pannier_executor::feed::transform;
use pannier_executor::feed::window::Windows;
use pannier_proto::config::ByteSize;
use pannier_proto::feed::{FeedSpec, FeedTicket, PairWindow, Transform};
use pannier_proto::ids::FIRST_ITEM;
use pannier_proto::manifest::TableManifest;
use pannier_proto::objects;
use tokio_stream::wrappers::TcpListenerStream;

const ROUNDS: u64 = 5;

/// What a side did with an epoch.
#[derive(Default, Clone, Copy)]
struct Epoch {
    batches: u64,
    rows: u64,
    bytes: u64,
    time: Duration,
}

impl Epoch {
    /// Counts a batch in: bytes of the values themselves, whatever the buffers' capacity.
    fn add(&mut self, batch: &arrow::record_batch::RecordBatch) -> Result<()> {
        self.batches += 1;
        self.rows += batch.num_rows() as u64;
        for column in batch.columns() {
            self.bytes += column.to_data().get_slice_memory_size()? as u64;
        }
        Ok(())
    }

    fn print(&self, feed: &str, side: &str, round: u64) {
        let seconds = self.time.as_secs_f64();
        println!(
            "{{\"feed\":\"{feed}\",\"side\":\"{side}\",\"round\":{round},\"batches\":{},\"rows\":{},\"bytes\":{},\"seconds\":{seconds:.4},\"batches_per_second\":{:.0},\"rows_per_second\":{:.0},\"megabytes_per_second\":{:.1}}}",
            self.batches,
            self.rows,
            self.bytes,
            self.batches as f64 / seconds,
            self.rows as f64 / seconds,
            self.bytes as f64 / seconds / 1e6
        );
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let root = std::env::args()
        .nth(1)
        .context("give the folder of a warehouse; `pannier run` makes one")?;
    let warehouse = Warehouse::open(&root)?;
    let table = newest(&warehouse).await?;
    println!(
        "{{\"table\":\"train_baskets\",\"rows\":{},\"bytes\":{},\"row_groups\":{}}}",
        table.rows,
        table.bytes,
        table.row_groups().len()
    );
    let pairs = Transform::Pairs {
        window: PairWindow::Basket,
        first_item: FIRST_ITEM,
        keep: Vec::new(),
    };
    for (name, transform) in [("select", Transform::Select), ("pairs", pairs)] {
        let feed = FeedSpec {
            table: table.table.clone(),
            version: table.version.clone(),
            columns: vec!["items".into()],
            transform,
            seed: 1,
            shuffle: true,
            batch_rows: 1024,
            window_rows: 65_536,
            row_groups: table.row_groups(),
        };
        compare(&warehouse, name, &feed).await?;
    }
    Ok(())
}

async fn newest(warehouse: &Warehouse) -> Result<TableManifest> {
    let mut best: Option<TableManifest> = None;
    for object in warehouse.list("tables/train_baskets").await? {
        if object.path.ends_with("/manifest.json") {
            let manifest: TableManifest = warehouse.get_json(&object.path).await?;
            if best.as_ref().is_none_or(|b| manifest.rows > b.rows) {
                best = Some(manifest);
            }
        }
    }
    best.context("the warehouse has no train_baskets; run a spec with a training first")
}

async fn compare(warehouse: &Warehouse, name: &str, feed: &FeedSpec) -> Result<()> {
    warehouse
        .put_json_if_absent(&objects::feed(&feed.digest()), feed)
        .await?;
    // No cache: every epoch reads and decodes its Parquet, on both sides.
    let config = ExecutorConfig {
        feed_cache: ByteSize(0),
        ..ExecutorConfig::default()
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    let service = FlightServiceServer::new(FeedService::new(warehouse.clone(), &config)?);
    tokio::spawn(
        tonic::transport::Server::builder()
            .add_service(service)
            .serve_with_incoming(TcpListenerStream::new(listener)),
    );
    let channel = tonic::transport::Endpoint::from_shared(url)?
        .connect()
        .await?;
    let (mut flight, mut direct) = (Vec::new(), Vec::new());
    for round in 0..=ROUNDS {
        let through = through_flight(channel.clone(), feed, round).await?;
        let here = in_process(warehouse, feed, round).await?;
        anyhow::ensure!(
            through.rows == here.rows,
            "the two sides made different rows"
        );
        // The first round warms files and connections up.
        if round > 0 {
            through.print(name, "flight", round);
            here.print(name, "in-process", round);
            flight.push(through.time.as_secs_f64());
            direct.push(here.time.as_secs_f64());
        }
    }
    let (flight, direct) = (median(flight), median(direct));
    println!(
        "{{\"feed\":\"{name}\",\"throughput_of_in_process\":{:.3}}}",
        direct / flight
    );
    Ok(())
}

fn median(mut seconds: Vec<f64>) -> f64 {
    seconds.sort_by(f64::total_cmp);
    seconds[seconds.len() / 2]
}

async fn through_flight(
    channel: tonic::transport::Channel,
    feed: &FeedSpec,
    epoch: u64,
) -> Result<Epoch> {
    let started = Instant::now();
    let ticket = FeedTicket {
        digest: feed.digest(),
        epoch,
        from_step: 0,
        to_step: feed.steps(),
        replica: 0,
        replicas: 1,
    };
    let mut client = FlightClient::new(channel);
    let mut stream = client
        .do_get(arrow_flight::Ticket::new(ticket.encode()))
        .await?;
    let mut sum = Epoch::default();
    while let Some(batch) = stream.try_next().await? {
        sum.add(&batch)?;
    }
    Ok(Epoch {
        time: started.elapsed(),
        ..sum
    })
}

async fn in_process(warehouse: &Warehouse, feed: &FeedSpec, epoch: u64) -> Result<Epoch> {
    let started = Instant::now();
    let definition = Definitions::new(warehouse.clone())
        .get(&feed.digest())
        .await?;
    let windows = Windows::new(warehouse.clone(), 0);
    let order = definition.order(epoch);
    let mut sum = Epoch::default();
    for step in 0..order.steps() {
        let mut pieces = Vec::new();
        for span in order.spans(order.step_rows(step)) {
            let (window, _) = windows.get(&definition, &order, epoch, span.window).await?;
            pieces.push((Arc::clone(&window), span.range));
        }
        let borrowed: Vec<_> = pieces
            .iter()
            .map(|(w, r)| (w.as_ref(), r.clone()))
            .collect();
        let batch = transform::step(&definition.spec, &order, &borrowed)?;
        sum.add(&batch)?;
    }
    Ok(Epoch {
        time: started.elapsed(),
        ..sum
    })
}
