//! Reads one row group of a part's file: its bytes first, all at once, then decoded without waiting.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchReader};
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::{Schema, SchemaRef};
use arrow::error::ArrowError;
use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use pannier_feed::transform::plain;
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

/// Places of columns in a file, in the order wanted.
fn places(metadata: &ArrowReaderMetadata, columns: &[String]) -> Result<Vec<usize>> {
    let places = columns.iter().map(|c| metadata.schema().index_of(c));
    let places = places.collect::<std::result::Result<_, ArrowError>>();
    places.map_err(|e| ParquetError::ArrowError(e.to_string()))
}

/// Columns of a file as [`Encoded::decode`] gives them.
pub fn schema(metadata: &ArrowReaderMetadata, columns: &[String]) -> Result<SchemaRef> {
    Ok(decoded_schema(metadata, &places(metadata, columns)?))
}

fn decoded_schema(metadata: &ArrowReaderMetadata, places: &[usize]) -> SchemaRef {
    let fields = places.iter().map(|at| plain(metadata.schema().field(*at)));
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
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
        let columns = places(&metadata, columns)?;
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
        let schema = decoded_schema(&self.metadata, &self.columns);
        let builder =
            ParquetRecordBatchReaderBuilder::new_with_metadata(self.chunks, self.metadata);
        let mask = ProjectionMask::roots(builder.parquet_schema(), self.columns);
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
        let columns = schema.fields().iter().map(|field| {
            let column = batch.column(decoded.index_of(field.name())?);
            cast(column, field.data_type())
        });
        let columns = columns.collect::<std::result::Result<Vec<_>, ArrowError>>()?;
        Ok(RecordBatch::try_new(schema, columns)?)
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
