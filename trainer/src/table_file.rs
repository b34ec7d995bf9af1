//! A Parquet file that is written piece by piece, and hashed on its way. Nothing is there until it is
//! closed.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use object_store::buffered::BufWriter;
use object_store::path::Path;
use parquet::arrow::AsyncArrowWriter;
use parquet::arrow::async_writer::AsyncFileWriter;
use parquet::errors::Result as ParquetResult;

use crate::artifact::properties;
use crate::error::TrainerError;
use crate::storage::{Storage, failed};

/// A file on its way.
pub(crate) struct TableFile {
    storage: Storage,
    path: String,
    schema: SchemaRef,
    writer: AsyncArrowWriter<Hashed>,
    rows: u64,
}

/// A file that is there.
pub(crate) struct Written {
    pub path: String,
    pub rows: u64,
    /// Rows of each row group.
    pub row_groups: Vec<u64>,
    pub bytes: u64,
    /// blake3 of the bytes, in hex.
    pub digest: String,
}

impl TableFile {
    /// Begins a file.
    ///
    /// # Errors
    /// [`TrainerError::Storage`].
    pub(crate) fn create(
        storage: &Storage,
        path: String,
        schema: SchemaRef,
    ) -> Result<Self, TrainerError> {
        let object = Hashed {
            inner: BufWriter::new(storage.store(), Path::from(path.as_str())),
            hasher: blake3::Hasher::new(),
        };
        let writer = AsyncArrowWriter::try_new(object, Arc::clone(&schema), Some(properties()));
        Ok(Self {
            storage: storage.clone(),
            writer: writer.map_err(failed("write", &path))?,
            path,
            schema,
            rows: 0,
        })
    }

    /// The columns.
    pub(crate) fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Adds rows.
    ///
    /// # Errors
    /// [`TrainerError::Storage`].
    pub(crate) fn write(&mut self, batch: &RecordBatch) -> Result<(), TrainerError> {
        self.rows += batch.num_rows() as u64;
        self.storage
            .runtime()
            .block_on(self.writer.write(batch))
            .map_err(failed("write", &self.path))
    }

    /// Commits the file.
    ///
    /// # Errors
    /// [`TrainerError::Storage`].
    pub(crate) fn close(mut self) -> Result<Written, TrainerError> {
        let finished = self.storage.runtime().block_on(self.writer.finish());
        let footer = finished.map_err(failed("write", &self.path))?;
        let groups = footer.row_groups().iter();
        let row_groups = groups.map(|group| group.num_rows().unsigned_abs());
        let row_groups = row_groups.collect();
        let hasher = self.writer.into_inner().hasher;
        Ok(Written {
            rows: self.rows,
            row_groups,
            bytes: hasher.count(),
            digest: hasher.finalize().to_hex().to_string(),
            path: self.path,
        })
    }
}

/// An object whose bytes are hashed as they are written.
struct Hashed {
    inner: BufWriter,
    hasher: blake3::Hasher,
}

impl AsyncFileWriter for Hashed {
    fn write(&mut self, bytes: Bytes) -> BoxFuture<'_, ParquetResult<()>> {
        self.hasher.update(&bytes);
        AsyncFileWriter::write(&mut self.inner, bytes)
    }

    fn complete(&mut self) -> BoxFuture<'_, ParquetResult<()>> {
        AsyncFileWriter::complete(&mut self.inner).boxed()
    }
}
