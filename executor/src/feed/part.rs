//! Reads one row group of a part's file: its bytes first, all at once, then decoded without waiting.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchReader};
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use parquet::arrow::async_reader::AsyncFileReader;
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader};
use parquet::file::reader::{ChunkReader, Length};

/// Where a file lies.
struct Footer {
    store: Arc<dyn ObjectStore>,
    path: Path,
}

impl AsyncFileReader for Footer {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, Result<Bytes>> {
        async move { Ok(self.store.get_range(&self.path, range).await?) }.boxed()
    }

    fn get_metadata<'a>(
        &'a mut self,
        _: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, Result<Arc<ParquetMetaData>>> {
        async move {
            let size = self.store.head(&self.path).await?.size;
            let reader = ParquetMetaDataReader::new();
            Ok(Arc::new(reader.load_and_finish(self, size).await?))
        }
        .boxed()
    }
}

/// What a file's footer says.
pub async fn metadata(store: Arc<dyn ObjectStore>, path: &str) -> Result<ArrowReaderMetadata> {
    let path = Path::from(path);
    ArrowReaderMetadata::load_async(&mut Footer { store, path }, Default::default()).await
}

/// The bytes of some columns of a row group, ready to be decoded.
pub struct Encoded {
    metadata: ArrowReaderMetadata,
    group: usize,
    /// Places of the columns in the file's schema, in the order wanted.
    columns: Vec<usize>,
    chunks: Chunks,
}

impl Encoded {
    /// Fetches the bytes.
    pub async fn fetch(
        store: Arc<dyn ObjectStore>,
        path: &str,
        metadata: ArrowReaderMetadata,
        group: usize,
        columns: &[String],
    ) -> Result<Self> {
        let schema = Arc::clone(metadata.schema());
        let columns: Vec<usize> = columns
            .iter()
            .map(|c| schema.index_of(c))
            .collect::<std::result::Result<_, ArrowError>>()
            .map_err(|e| ParquetError::ArrowError(e.to_string()))?;
        let parquet = metadata.metadata();
        let mask = ProjectionMask::roots(
            parquet.file_metadata().schema_descr(),
            columns.iter().copied(),
        );
        let leaves = parquet.row_group(group).columns().iter().enumerate();
        let ranges: Vec<Range<u64>> = leaves
            .filter(|(leaf, _)| mask.leaf_included(*leaf))
            .map(|(_, chunk)| {
                let (start, length) = chunk.byte_range();
                start..start + length
            })
            .collect();
        let bytes = store.get_ranges(&Path::from(path), &ranges).await?;
        let starts = ranges.into_iter().map(|r| r.start);
        Ok(Self {
            group,
            columns,
            chunks: Chunks(Arc::new(starts.zip(bytes).collect())),
            metadata,
        })
    }

    /// Decodes them: the columns in the order asked for, views and dictionaries as plain values.
    pub fn decode(self) -> Result<RecordBatch> {
        let schema = Arc::clone(self.metadata.schema());
        let builder =
            ParquetRecordBatchReaderBuilder::new_with_metadata(self.chunks, self.metadata);
        let mask = ProjectionMask::roots(builder.parquet_schema(), self.columns.iter().copied());
        let rows = builder.metadata().row_group(self.group).num_rows() as usize;
        let reader = builder
            .with_projection(mask)
            .with_row_groups(vec![self.group])
            .with_batch_size(rows.max(1))
            .build()?;
        let decoded = reader.schema();
        let batches = reader.collect::<std::result::Result<Vec<_>, _>>()?;
        let batch = concat_batches(&decoded, &batches)?;
        // Parquet gives columns in the file's order; the feed has its own.
        let columns = self.columns.iter().map(|at| {
            let name = schema.field(*at).name();
            let column = batch.column(decoded.index_of(name)?);
            Ok((
                name.clone(),
                plain(column)?,
                schema.field(*at).is_nullable(),
            ))
        });
        let columns = columns.collect::<std::result::Result<Vec<_>, ArrowError>>()?;
        Ok(RecordBatch::try_from_iter_with_nullable(columns)?)
    }
}

fn plain(column: &ArrayRef) -> std::result::Result<ArrayRef, ArrowError> {
    match column.data_type() {
        DataType::Utf8View => cast(column, &DataType::Utf8),
        DataType::BinaryView => cast(column, &DataType::Binary),
        DataType::Dictionary(_, value) => cast(column, value),
        _ => Ok(Arc::clone(column)),
    }
}

/// Column chunks by where they begin in their file.
#[derive(Clone)]
struct Chunks(Arc<Vec<(u64, Bytes)>>);

impl Chunks {
    fn from(&self, start: u64) -> Result<Bytes> {
        let inside =
            |(first, bytes): &&(u64, Bytes)| (*first..*first + bytes.len() as u64).contains(&start);
        let found = self.0.iter().find(inside);
        let (first, bytes) =
            found.ok_or_else(|| ParquetError::General(format!("byte {start} was not fetched")))?;
        Ok(bytes.slice((start - first) as usize..))
    }
}

impl Length for Chunks {
    fn len(&self) -> u64 {
        let ends = self.0.iter().map(|(first, b)| first + b.len() as u64);
        ends.max().unwrap_or(0)
    }
}

impl ChunkReader for Chunks {
    type T = bytes::buf::Reader<Bytes>;

    fn get_read(&self, start: u64) -> Result<Self::T> {
        Ok(bytes::Buf::reader(self.from(start)?))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        let bytes = self.from(start)?;
        if bytes.len() < length {
            return Err(ParquetError::EOF(format!(
                "{length} bytes at {start} were not fetched"
            )));
        }
        Ok(bytes.slice(..length))
    }
}
