//! Windows: read once, decoded, kept while there is room, shared by all who ask.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use arrow::compute::concat_batches;
use arrow::record_batch::RecordBatch;
use futures::TryStreamExt;
use object_store::path::Path;
use pannier_engine::warehouse::Warehouse;
use pannier_proto::feed::EpochOrder;
use parquet::arrow::async_reader::ParquetRecordBatchStreamBuilder;
use parquet::arrow::{ProjectionMask, arrow_reader::ArrowReaderMetadata};
use tokio::sync::OnceCell;

use crate::error::FeedError;
use crate::feed::definition::{Definition, RowGroup};
use crate::feed::part::PartReader;

/// A decoded window with its order.
#[derive(Debug)]
pub struct WindowData {
    /// The rows as read, row group after row group: the feed's columns in the feed's order.
    pub rows: RecordBatch,
    /// For each place of the window's order: row id in the table, row in `rows`.
    pub order: Vec<(u64, u32)>,
}

/// Names a window: feed, epoch, number of the window.
type Key = (String, u64, usize);
type Slot = Arc<OnceCell<Arc<WindowData>>>;

/// The cache. Its size counts what is decoded; a window in use may outlive its place here.
#[derive(Debug)]
pub struct Windows {
    warehouse: Warehouse,
    limit: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    slots: HashMap<Key, Slot>,
    /// Oldest use first.
    uses: VecDeque<Key>,
    sizes: HashMap<Key, usize>,
}

impl Windows {
    /// Keeps decoded windows up to `limit` bytes.
    #[must_use]
    pub fn new(warehouse: Warehouse, limit: usize) -> Self {
        Self {
            warehouse,
            limit,
            state: Mutex::default(),
        }
    }

    /// The window, and the microseconds that reading it took (0 where it was there).
    ///
    /// # Errors
    /// Where its files cannot be read.
    pub async fn get(
        &self,
        feed: &Definition,
        order: &EpochOrder,
        epoch: u64,
        index: usize,
    ) -> Result<(Arc<WindowData>, u64), FeedError> {
        let key = (feed.digest.clone(), epoch, index);
        let slot = self.slot(&key);
        let mut micros = 0;
        let data = slot
            .get_or_try_init(|| async {
                let started = Instant::now();
                let data = self.read(feed, order, index).await?;
                micros = started.elapsed().as_micros() as u64;
                Ok::<_, FeedError>(Arc::new(data))
            })
            .await?;
        self.used(key, data);
        Ok((Arc::clone(data), micros))
    }

    fn slot(&self, key: &Key) -> Slot {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(state.slots.entry(key.clone()).or_default())
    }

    /// Moves a window to the end of the queue and lets the oldest go where there is no room.
    fn used(&self, key: Key, data: &WindowData) {
        let size = data.rows.get_array_memory_size() + data.order.len() * size_of::<(u64, u32)>();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.uses.retain(|k| *k != key);
        state.uses.push_back(key.clone());
        state.sizes.insert(key, size);
        while state.uses.len() > 1 && state.sizes.values().sum::<usize>() > self.limit {
            if let Some(oldest) = state.uses.pop_front() {
                state.slots.remove(&oldest);
                state.sizes.remove(&oldest);
            }
        }
    }

    async fn read(
        &self,
        feed: &Definition,
        order: &EpochOrder,
        index: usize,
    ) -> Result<WindowData, FeedError> {
        let window = &order.windows()[index];
        let mut batches = Vec::new();
        for group in &window.row_groups {
            batches.extend(
                self.read_group(&feed.groups[*group as usize], &feed.spec.columns)
                    .await?,
            );
        }
        let Some(first) = batches.first() else {
            return Err(FeedError::Mismatch("a window has no rows".into()));
        };
        let rows = concat_batches(&first.schema(), &batches)
            .map_err(|e| FeedError::Decode(e.to_string()))?;
        if rows.num_rows() as u64 != window.rows {
            return Err(FeedError::Mismatch(format!(
                "a window has {} rows, not {}",
                rows.num_rows(),
                window.rows
            )));
        }
        Ok(WindowData {
            rows,
            order: order.window_order(window),
        })
    }

    async fn read_group(
        &self,
        group: &RowGroup,
        columns: &[String],
    ) -> Result<Vec<RecordBatch>, FeedError> {
        let decode =
            |e: parquet::errors::ParquetError| FeedError::Decode(format!("{}: {e}", group.path));
        let mut reader = PartReader::new(self.warehouse.store(), Path::from(group.path.as_str()));
        let metadata = ArrowReaderMetadata::load_async(&mut reader, Default::default())
            .await
            .map_err(decode)?;
        let schema = Arc::clone(metadata.schema());
        let places = columns
            .iter()
            .map(|c| schema.index_of(c))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|e| FeedError::Mismatch(e.to_string()))?;
        let builder = ParquetRecordBatchStreamBuilder::new_with_metadata(reader, metadata);
        let mask = ProjectionMask::roots(builder.parquet_schema(), places.iter().copied());
        let stream = builder
            .with_projection(mask)
            .with_row_groups(vec![group.index])
            .with_batch_size(65_536)
            .build()
            .map_err(decode)?;
        let batches: Vec<RecordBatch> = stream.try_collect().await.map_err(decode)?;
        // Parquet gives columns in the file's order; the feed has its own.
        batches
            .iter()
            .map(|b| {
                let at = columns
                    .iter()
                    .map(|c| b.schema().index_of(c))
                    .collect::<Result<Vec<_>, _>>()?;
                b.project(&at)
            })
            .collect::<Result<_, _>>()
            .map_err(|e| FeedError::Decode(e.to_string()))
    }
}
