//! Predictions on their way into one Parquet file, piece by piece. Nothing is there until it is
//! closed.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float32Array, RecordBatch, UInt32Array, UInt64Array};
use arrow::datatypes::{DataType, Field, Schema};
use object_store::buffered::BufWriter;
use object_store::path::Path;
use parquet::arrow::AsyncArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;

use crate::error::TrainerError;
use crate::predict::rank::Place;
use crate::storage::{Storage, failed};

/// Writes columns query_id: UInt64, item_idx: UInt32, rank: UInt32 (from 1), score: Float32.
pub(crate) struct Output {
    storage: Storage,
    path: String,
    schema: Arc<Schema>,
    writer: AsyncArrowWriter<BufWriter>,
    rows: u64,
}

impl Output {
    /// Begins a file.
    ///
    /// # Errors
    /// [`TrainerError::Storage`].
    pub(crate) fn create(storage: &Storage, path: String) -> Result<Self, TrainerError> {
        let field = |name, data_type| Field::new(name, data_type, false);
        let schema = Arc::new(Schema::new(vec![
            field("query_id", DataType::UInt64),
            field("item_idx", DataType::UInt32),
            field("rank", DataType::UInt32),
            field("score", DataType::Float32),
        ]));
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .build();
        let object = BufWriter::new(storage.store(), Path::from(path.as_str()));
        let writer = AsyncArrowWriter::try_new(object, Arc::clone(&schema), Some(properties));
        let writer = writer.map_err(failed("write", &path))?;
        Ok(Self {
            storage: storage.clone(),
            path,
            schema,
            writer,
            rows: 0,
        })
    }

    /// Adds queries with their places, best first.
    ///
    /// # Errors
    /// [`TrainerError::Storage`].
    pub(crate) fn write(&mut self, ids: &[u64], ranked: &[Vec<Place>]) -> Result<(), TrainerError> {
        let rows = || {
            ids.iter()
                .zip(ranked)
                .flat_map(|(id, places)| (1u32..).zip(places).map(move |(rank, p)| (*id, rank, p)))
        };
        let columns: Vec<ArrayRef> = vec![
            Arc::new(UInt64Array::from_iter_values(rows().map(|r| r.0))),
            Arc::new(UInt32Array::from_iter_values(rows().map(|r| r.2.item))),
            Arc::new(UInt32Array::from_iter_values(rows().map(|r| r.1))),
            Arc::new(Float32Array::from_iter_values(rows().map(|r| r.2.score))),
        ];
        let batch =
            RecordBatch::try_new(Arc::clone(&self.schema), columns).map_err(TrainerError::bug)?;
        self.rows += batch.num_rows() as u64;
        self.storage
            .runtime()
            .block_on(self.writer.write(&batch))
            .map_err(failed("write", &self.path))
    }

    /// Commits the file; its path and rows.
    ///
    /// # Errors
    /// [`TrainerError::Storage`].
    pub(crate) fn close(self) -> Result<(String, u64), TrainerError> {
        self.storage
            .runtime()
            .block_on(self.writer.close())
            .map_err(failed("write", &self.path))?;
        Ok((self.path, self.rows))
    }
}
