//! The two ways to the same steps: through Flight, and in this process.

use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result};
use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::UInt32Type;
use pannier_engine::warehouse::Warehouse;
use pannier_executor::feed::definition::Definitions;
use pannier_executor::feed::rows::Rows;
use pannier_executor::feed::stream;
use pannier_feed::reader::{Directory, Feed, ReaderConfig, Surroundings, Wanted};
use pannier_proto::feed::FeedSpec;
use pannier_proto::work::FeedAddress;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use crate::measure::{Clock, Sample};

fn around(urls: &[String]) -> Surroundings {
    let address = |(i, url): (usize, &String)| FeedAddress {
        executor_id: format!("e{i}"),
        url: url.clone(),
    };
    let executors = urls.iter().enumerate().map(address).collect();
    Surroundings {
        directory: Arc::new(Directory::new(executors, None)),
        runtime: Handle::current(),
        cancel: CancellationToken::new(),
        log: Arc::new(|line| eprintln!("{line}")),
    }
}

fn config(gathered: bool) -> ReaderConfig {
    ReaderConfig {
        gathered,
        ..ReaderConfig::default()
    }
}

/// Reads an epoch as a trainer does: on a thread that blocks.
pub async fn flight(
    urls: &[String],
    feed: &FeedSpec,
    epoch: u64,
    gathered: bool,
) -> Result<Sample> {
    epochs(urls, feed, epoch..epoch + 1, gathered).await
}

/// As [`flight`], some epochs one behind the other.
pub async fn epochs(
    urls: &[String],
    feed: &FeedSpec,
    epochs: Range<u64>,
    gathered: bool,
) -> Result<Sample> {
    let (around, feed) = (around(urls), feed.clone());
    let read = move || {
        let clock = Clock::start();
        let wanted = Wanted::epochs((epochs.start, 0), epochs.end);
        let mut reader = Feed::open(&around, &config(gathered), &feed, wanted)?;
        let mut sample = Sample::default();
        while let Some((step, _)) = reader.next_blocking()? {
            count(&mut sample, &step.batch);
            sample.bytes += step.wire_bytes;
        }
        clock.stop(&mut sample);
        Ok(sample)
    };
    tokio::task::spawn_blocking(read).await?
}

/// Seconds until the first batch.
pub async fn first(urls: &[String], feed: &FeedSpec, at: (u64, u64)) -> Result<f64> {
    let around = around(urls);
    let began = Instant::now();
    let wanted = Wanted::epochs(at, at.0 + 1);
    let mut reader = Feed::open(&around, &config(true), feed, wanted)?;
    reader.next_step().await?.context("there is a step")?;
    Ok(began.elapsed().as_secs_f64())
}

/// The same steps one after another, with no wire between: windows are decoded, rows gathered and
/// transformed where they are wanted.
pub async fn in_process(warehouse: &Warehouse, feed: &FeedSpec, epoch: u64) -> Result<Sample> {
    let pool = Arc::new(rayon::ThreadPoolBuilder::new().num_threads(1).build()?);
    let rows = Arc::new(Rows::new(warehouse.clone(), 0, pool));
    let clock = Clock::start();
    let definitions = Definitions::new(Arc::clone(&rows));
    let definition = definitions.get(&feed.digest()).await?;
    let order = definition.order(epoch);
    let (mut sample, mut open) = (Sample::default(), None);
    for step in 0..order.steps() {
        let mut pieces = Vec::new();
        for span in order.spans(order.step_rows(step)) {
            let window = match open.take() {
                Some((at, window)) if at == span.window => window,
                _ => {
                    rows.window(&definition, &order, epoch, span.window)
                        .await?
                        .0
                }
            };
            open = Some((span.window, Arc::clone(&window)));
            pieces.push((window, span.range));
        }
        let gathered = stream::rows(&definition, &order, &pieces)?;
        count(&mut sample, &definition.make(&gathered)?);
    }
    clock.stop(&mut sample);
    Ok(sample)
}

/// Looks at every value of the columns of items.
fn count(sample: &mut Sample, batch: &RecordBatch) {
    sample.batches += 1;
    sample.rows += batch.num_rows() as u64;
    let of_items = if batch.num_columns() > 1 && batch.schema().field(0).name() == "center" {
        1
    } else {
        2
    };
    for column in batch.columns().iter().take(of_items) {
        sample.items += sum(column);
    }
}

fn sum(column: &ArrayRef) -> u64 {
    if let Some(numbers) = column.as_primitive_opt::<UInt32Type>() {
        return numbers.values().iter().map(|v| u64::from(*v)).sum();
    }
    match column.as_list_opt::<i32>() {
        Some(lists) => {
            let offsets = lists.value_offsets();
            let (from, to) = (offsets[0], offsets[offsets.len() - 1]);
            sum(&lists.values().slice(from as usize, (to - from) as usize))
        }
        None => 0,
    }
}
