//! One part being written: rows are cut into batches of a fixed size, so that neither the digest
//! nor the file depends on how they arrived.

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::compute::BatchCoalescer;
use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::error::Result;
use datafusion::parquet::arrow::{ArrowSchemaConverter, AsyncArrowWriter};
use datafusion::parquet::basic::{Compression, Encoding, Type};
use datafusion::parquet::file::properties::{EnabledStatistics, WriterProperties};
use object_store::buffered::BufWriter;
use pannier_proto::manifest::ManifestFile;

use super::WriteTable;
use super::digest::RowDigest;
use crate::warehouse::Warehouse;

/// Rows handed to Parquet at a time.
const CHUNK_ROWS: usize = 8192;

/// A part's file, open.
pub struct PartWriter {
    pub part: u32,
    path: String,
    rows: u64,
    coalescer: BatchCoalescer,
    writer: AsyncArrowWriter<BufWriter>,
    digest: RowDigest,
}

impl PartWriter {
    pub fn create(
        warehouse: &Warehouse,
        op: &WriteTable,
        part: u32,
        schema: SchemaRef,
    ) -> Result<Self> {
        let attempt = uuid::Uuid::new_v4().simple().to_string();
        let path = op.file(part, &attempt[..12]);
        let properties = properties(&schema, op.row_group_rows)?;
        let object = warehouse.writer(&path);
        Ok(Self {
            part,
            path,
            rows: 0,
            coalescer: BatchCoalescer::new(schema.clone(), CHUNK_ROWS),
            writer: AsyncArrowWriter::try_new(object, schema.clone(), Some(properties))?,
            digest: RowDigest::default(),
        })
    }

    /// Takes the next rows. Whole chunks go on as they are; what a chunk has of several batches is
    /// copied.
    pub async fn push(&mut self, mut rows: RecordBatch) -> Result<()> {
        while self.coalescer.get_buffered_rows() == 0 && rows.num_rows() >= CHUNK_ROWS {
            self.write(&rows.slice(0, CHUNK_ROWS)).await?;
            rows = rows.slice(CHUNK_ROWS, rows.num_rows() - CHUNK_ROWS);
        }
        self.coalescer.push_batch(rows)?;
        self.drain().await
    }

    async fn drain(&mut self) -> Result<()> {
        while let Some(batch) = self.coalescer.next_completed_batch() {
            self.write(&batch).await?;
        }
        Ok(())
    }

    async fn write(&mut self, chunk: &RecordBatch) -> Result<()> {
        self.rows += chunk.num_rows() as u64;
        self.digest.update(chunk)?;
        self.writer.write(chunk).await?;
        Ok(())
    }

    pub async fn finish(mut self) -> Result<ManifestFile> {
        self.coalescer.finish_buffered_batch()?;
        self.drain().await?;
        let metadata = self.writer.finish().await?;
        Ok(ManifestFile {
            path: self.path,
            part: self.part,
            rows: self.rows,
            bytes: self.writer.bytes_written() as u64,
            row_groups: metadata
                .row_groups()
                .iter()
                .map(|g| g.num_rows() as u64)
                .collect(),
            digest: self.digest.finish(),
        })
    }
}

/// How a part is written. Integers are packed by their differences: that takes a third of the time
/// of a dictionary, and ids, times and sorted lists, which most columns are, also less room. What
/// stands in lists has no statistics: nothing is looked for by them.
fn properties(schema: &Schema, row_group_rows: u32) -> Result<WriterProperties> {
    let mut properties = WriterProperties::builder()
        .set_compression(Compression::LZ4_RAW)
        .set_max_row_group_row_count(Some(row_group_rows.max(1) as usize))
        .set_created_by("pannier".to_owned());
    for column in ArrowSchemaConverter::new().convert(schema)?.columns() {
        if matches!(column.physical_type(), Type::INT32 | Type::INT64) {
            properties = properties
                .set_column_dictionary_enabled(column.path().clone(), false)
                .set_column_encoding(column.path().clone(), Encoding::DELTA_BINARY_PACKED);
        }
        if column.max_rep_level() > 0 {
            let none = EnabledStatistics::None;
            properties = properties.set_column_statistics_enabled(column.path().clone(), none);
        }
    }
    Ok(properties.build())
}
