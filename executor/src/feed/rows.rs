//! Rows of a feed: row groups read and decoded once and kept while there is room, windows of them in
//! the order of an epoch, and the rows of a step.
//!
//! Row groups are kept as the table has them: another epoch, another feed over the same columns and
//! every replica find them decoded.

use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use arrow::array::{ArrayRef, RecordBatch, UInt64Array};
use arrow::datatypes::SchemaRef;
use futures::future::try_join_all;
use pannier_engine::warehouse::Warehouse;
use pannier_feed::transform::{ROW, extra_columns, gathered_schema};
use pannier_proto::feed::{EpochOrder, FeedSpec, WindowOrder};
use parquet::arrow::arrow_reader::ArrowReaderMetadata;
use tokio::sync::oneshot;

use crate::error::FeedError;
use crate::feed::cache::Cache;
use crate::feed::definition::{Definition, RowGroup};
use crate::feed::gather::{Run, column};
use crate::feed::part::{self, Encoded, metadata};

/// Of the memory for row groups, the part that is added for the orders of windows.
const ORDERS: usize = 8;
/// Footers kept.
const FOOTERS: usize = 4096;

/// A window, decoded, with its order.
#[derive(Debug)]
pub struct Window {
    groups: Vec<RecordBatch>,
    order: Arc<WindowOrder>,
}

impl Window {
    /// Bytes it keeps in memory while it is used.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let groups = self.groups.iter().map(RecordBatch::get_array_memory_size);
        groups.sum::<usize>() + self.order.bytes()
    }

    /// The rows at a range of the window's places, as runs that stand together.
    fn runs(&self, range: Range<u64>) -> Vec<Run> {
        let Some(rows) = self.order.rows(range.clone()) else {
            return self.unshuffled(range.start as u32..range.end as u32);
        };
        let runs = rows.iter().map(|row| {
            let (group, start) = self.order.group_of(*row);
            let (group, len) = (group as u32, 1);
            Run { group, start, len }
        });
        runs.collect()
    }

    fn unshuffled(&self, rows: Range<u32>) -> Vec<Run> {
        let mut runs = Vec::new();
        let mut end = 0;
        for (group, batch) in self.groups.iter().enumerate() {
            let first = end;
            end += batch.num_rows() as u32;
            let (from, to) = (rows.start.max(first), rows.end.min(end));
            if from < to {
                runs.push(Run {
                    group: group as u32,
                    start: from - first,
                    len: to - from,
                });
            }
        }
        runs
    }

    /// Gathers the rows at a range of places: the feed's columns, then the row ids and seeds that its
    /// transform asks for.
    ///
    /// # Errors
    /// Where a column cannot be gathered.
    pub fn gather(
        &self,
        feed: &Definition,
        order: &EpochOrder,
        range: Range<u64>,
    ) -> Result<RecordBatch, FeedError> {
        let runs = self.runs(range);
        let decode = |e: arrow::error::ArrowError| FeedError::Decode(e.to_string());
        let own = 0..self.groups[0].num_columns();
        let mut columns = own
            .map(|at| column(&self.groups, at, &runs))
            .collect::<Result<Vec<ArrayRef>, _>>()
            .map_err(decode)?;
        let ids = runs.iter().flat_map(|run| {
            let first = self.order.id_in(run.group as usize, run.start);
            first..first + u64::from(run.len)
        });
        for extra in extra_columns(&feed.spec.transform) {
            columns.push(Arc::new(match *extra {
                ROW => UInt64Array::from_iter_values(ids.clone()),
                _ => UInt64Array::from_iter_values(ids.clone().map(|id| order.row_seed(id))),
            }));
        }
        RecordBatch::try_new(feed.empty.schema(), columns).map_err(decode)
    }
}

/// Reads windows.
#[derive(Debug)]
pub struct Rows {
    warehouse: Warehouse,
    pool: Arc<rayon::ThreadPool>,
    groups: Cache<(String, usize, String), RecordBatch>,
    orders: Cache<(String, u64, usize), Arc<WindowOrder>>,
    footers: Cache<String, ArrowReaderMetadata>,
}

impl Rows {
    /// Keeps decoded row groups up to `limit` bytes, and an eighth of it in orders. Decodes on
    /// `pool`.
    #[must_use]
    pub fn new(warehouse: Warehouse, limit: usize, pool: Arc<rayon::ThreadPool>) -> Self {
        Self {
            warehouse,
            pool,
            groups: Cache::new(limit),
            orders: Cache::new(limit / ORDERS),
            footers: Cache::new(FOOTERS),
        }
    }

    /// Where they are read.
    #[must_use]
    pub fn warehouse(&self) -> &Warehouse {
        &self.warehouse
    }

    /// Row groups read and decoded so far.
    #[must_use]
    pub fn reads(&self) -> u64 {
        self.groups.made()
    }

    /// Bytes of decoded row groups kept now.
    #[must_use]
    pub fn kept(&self) -> usize {
        self.groups.bytes()
    }

    /// A window of an epoch, and the microseconds that it took to have it.
    ///
    /// # Errors
    /// Where its files cannot be read.
    pub async fn window(
        &self,
        feed: &Definition,
        order: &Arc<EpochOrder>,
        epoch: u64,
        index: usize,
    ) -> Result<(Arc<Window>, u64), FeedError> {
        let began = Instant::now();
        let window = &order.windows()[index];
        let groups = window.row_groups.iter();
        let groups = try_join_all(groups.map(|g| self.group(feed, *g as usize)));
        let sorted = self.order(feed, order, epoch, index);
        let (groups, sorted) = futures::try_join!(groups, sorted)?;
        let rows: u64 = groups.iter().map(|group| group.num_rows() as u64).sum();
        if rows != window.rows || groups.is_empty() {
            return Err(FeedError::Mismatch(format!(
                "a window has {rows} rows, not {}",
                window.rows
            )));
        }
        let window = Window {
            groups: groups.iter().map(|g| g.as_ref().clone()).collect(),
            order: sorted,
        };
        Ok((Arc::new(window), began.elapsed().as_micros() as u64))
    }

    async fn order(
        &self,
        feed: &Definition,
        order: &Arc<EpochOrder>,
        epoch: u64,
        index: usize,
    ) -> Result<Arc<WindowOrder>, FeedError> {
        let key = (feed.digest.clone(), epoch, index);
        let sorted = self.orders.get::<FeedError>(&key, async {
            let order = Arc::clone(order);
            let sort = move || Ok(order.window_order(&order.windows()[index]));
            let sorted = on_pool(&self.pool, sort).await?;
            let bytes = sorted.bytes();
            Ok((Arc::new(sorted), bytes))
        });
        Ok(Arc::clone(sorted.await?.as_ref()))
    }

    async fn group(&self, feed: &Definition, at: usize) -> Result<Arc<RecordBatch>, FeedError> {
        let RowGroup { path, index } = &feed.groups[at];
        let key = (path.clone(), *index, feed.spec.columns.join("\n"));
        self.groups
            .get::<FeedError>(&key, async {
                let footer = self.footer(path).await?;
                let store = self.warehouse.store();
                let columns = &feed.spec.columns;
                let encoded =
                    Encoded::fetch(store, path, footer.as_ref().clone(), *index, columns).await;
                let encoded = encoded.map_err(|e| wrong(path, &e))?;
                let of = path.clone();
                let decode = move || encoded.decode().map_err(|e| wrong(&of, &e));
                let batch = on_pool(&self.pool, decode).await?;
                let bytes = batch.get_array_memory_size();
                Ok((batch, bytes))
            })
            .await
    }

    async fn footer(&self, path: &String) -> Result<Arc<ArrowReaderMetadata>, FeedError> {
        self.footers
            .get::<FeedError>(path, async {
                let read = metadata(self.warehouse.store(), path).await;
                Ok((read.map_err(|e| wrong(path, &e))?, 1))
            })
            .await
    }

    /// The rows that a feed's steps are made of: its columns as its table has them, and what its
    /// transform asks for. Only a footer is read.
    ///
    /// # Errors
    /// Where the table has no file, or a file lacks a column.
    pub async fn schema(&self, feed: &FeedSpec, first: &str) -> Result<SchemaRef, FeedError> {
        let footer = self.footer(&first.to_owned()).await?;
        let columns = part::schema(&footer, &feed.columns).map_err(|e| wrong(first, &e))?;
        Ok(gathered_schema(&columns, &feed.transform))
    }
}

fn wrong(path: &str, error: &parquet::errors::ParquetError) -> FeedError {
    use parquet::errors::ParquetError;
    match error {
        ParquetError::ArrowError(reason) => FeedError::Mismatch(format!("{path}: {reason}")),
        other => FeedError::Decode(format!("{path}: {other}")),
    }
}

/// Does work on a pool's threads and waits for it without holding one of the runtime's.
pub async fn on_pool<T: Send + 'static>(
    pool: &rayon::ThreadPool,
    work: impl FnOnce() -> Result<T, FeedError> + Send + 'static,
) -> Result<T, FeedError> {
    let (done, made) = oneshot::channel();
    pool.spawn(move || {
        // Nobody may wait any more: then nobody wants it.
        let _ = done.send(work());
    });
    made.await
        .map_err(|_| FeedError::Decode("a thread of the feed died".into()))?
}
