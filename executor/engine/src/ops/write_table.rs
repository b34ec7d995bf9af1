//! The distributed Parquet sink. Rows come sorted by part and key; each part becomes one file and
//! one note that names it. The first note put for a part stays: whatever other attempts wrote for
//! that part is the same rows and becomes garbage. So a retry, a duplicate or a late attempt
//! cannot add or lose a row, and the table's manifest is made from the notes alone.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, RecordBatch, UInt32Array, UInt64Array};
use datafusion::arrow::compute::partition;
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef, UInt32Type};
use datafusion::common::exec_datafusion_err;
use datafusion::error::Result;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet, MetricBuilder};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::StreamExt;
use pannier_proto::manifest::ManifestFile;
use pannier_proto::objects;
use serde::{Deserialize, Serialize};

use crate::warehouse::Warehouse;

mod digest;
mod part;
use part::PartWriter;

/// Name of the column that holds a row's part; it is not written.
pub const PART: &str = "__part";

/// Writes a table version.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct WriteTable {
    /// Root of the warehouse.
    pub warehouse: String,
    /// Table.
    pub table: String,
    /// Version.
    pub version: String,
    /// Rows of a row group.
    pub row_group_rows: u32,
    /// Names of the parts of a narrow table; empty for others.
    pub pieces: BTreeMap<u32, String>,
}

impl WriteTable {
    /// A row per part that this attempt wrote.
    #[must_use]
    pub fn schema() -> SchemaRef {
        Arc::new(Schema::new(vec![
            Field::new("part", DataType::UInt32, false),
            Field::new("rows", DataType::UInt64, false),
            Field::new("bytes", DataType::UInt64, false),
        ]))
    }

    /// Runs on one partition.
    ///
    /// # Errors
    /// None before the stream is polled.
    pub fn execute(
        &self,
        input: SendableRecordBatchStream,
        _: &Arc<TaskContext>,
        metrics: &ExecutionPlanMetricsSet,
        partition: usize,
    ) -> Result<SendableRecordBatchStream> {
        let op = self.clone();
        let baseline = BaselineMetrics::new(metrics, partition);
        let bytes = MetricBuilder::new(metrics).output_bytes(partition);
        let done = async move {
            let written = op.write(input, &baseline).await?;
            bytes.add(written.iter().map(|f| f.bytes as usize).sum());
            let columns: Vec<ArrayRef> = vec![
                Arc::new(
                    written
                        .iter()
                        .map(|f| Some(f.part))
                        .collect::<UInt32Array>(),
                ),
                Arc::new(
                    written
                        .iter()
                        .map(|f| Some(f.rows))
                        .collect::<UInt64Array>(),
                ),
                Arc::new(
                    written
                        .iter()
                        .map(|f| Some(f.bytes))
                        .collect::<UInt64Array>(),
                ),
            ];
            Ok(RecordBatch::try_new(Self::schema(), columns)?)
        };
        Ok(Box::pin(RecordBatchStreamAdapter::new(
            Self::schema(),
            futures::stream::once(done).boxed(),
        )))
    }

    async fn write(
        &self,
        mut input: SendableRecordBatchStream,
        baseline: &BaselineMetrics,
    ) -> Result<Vec<ManifestFile>> {
        let warehouse = Warehouse::open(&self.warehouse)?;
        let schema = input.schema();
        let place = schema.index_of(PART)?;
        let kept: Vec<usize> = (0..schema.fields().len()).filter(|i| *i != place).collect();
        let mut open: Option<PartWriter> = None;
        let mut written = Vec::new();
        while let Some(batch) = input.next().await {
            let batch = batch?;
            let parts = batch.column(place).as_primitive::<UInt32Type>().clone();
            let rows = batch.project(&kept)?;
            for range in partition(&[Arc::new(parts.clone()) as ArrayRef])?.ranges() {
                let part = parts.value(range.start);
                if open.as_ref().is_some_and(|w| w.part > part) {
                    return Err(exec_datafusion_err!(
                        "rows of part {part} of table {} came after those of a later one",
                        self.table
                    ));
                }
                if open.as_ref().is_some_and(|w| w.part != part)
                    && let Some(writer) = open.take()
                {
                    written.push(self.commit(&warehouse, writer).await?);
                }
                let writer = match &mut open {
                    Some(writer) => writer,
                    None => open.insert(PartWriter::create(&warehouse, self, part, rows.schema())?),
                };
                let busy = baseline.elapsed_compute().timer();
                writer.push(rows.slice(range.start, range.len())).await?;
                busy.done();
                baseline.record_output(range.len());
            }
        }
        if let Some(writer) = open.take() {
            written.push(self.commit(&warehouse, writer).await?);
        }
        Ok(written)
    }

    /// Where a part's note is put.
    fn note(&self, part: u32) -> String {
        match self.pieces.get(&part) {
            Some(piece) => objects::piece_note(&self.table, piece),
            None => objects::part_note(&self.table, &self.version, part),
        }
    }

    /// Where an attempt writes a part.
    fn file(&self, part: u32, attempt: &str) -> String {
        match self.pieces.get(&part) {
            Some(piece) => objects::piece_file(&self.table, piece, attempt),
            None => objects::part_file(&self.table, &self.version, part, attempt),
        }
    }

    /// Closes a part's file and puts its note; where there is a note already, the file goes.
    async fn commit(&self, warehouse: &Warehouse, writer: PartWriter) -> Result<ManifestFile> {
        let file = writer.finish().await?;
        let note = self.note(file.part);
        if warehouse.put_json_if_absent(&note, &file).await? {
            return Ok(file);
        }
        warehouse.delete(&file.path).await?;
        let first: ManifestFile = warehouse.get_json(&note).await?;
        if first.digest != file.digest {
            return Err(exec_datafusion_err!(
                "two attempts at part {} of table {} made different rows ({} and {}); its SQL is not deterministic",
                file.part,
                self.table,
                first.digest,
                file.digest
            ));
        }
        Ok(first)
    }
}
