//! Pieces of raw files in, rows out. Files are read on a blocking thread, a bounded number of batches ahead.

use std::sync::Arc;

use datafusion::arrow::array::{RecordBatch, UInt32Array};
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::error::Result;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet};
use datafusion::physical_plan::stream::RecordBatchReceiverStreamBuilder;
use futures::StreamExt;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc::Sender;

use crate::raw::csv::CsvRead;
use crate::raw::parquet::ParquetRead;
use crate::raw::relation::pieces_of;
use crate::raw::{RawColumn, RawFormat, RawPiece, relation_schema};

/// Reads raw files.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ReadRaw {
    /// Form of all files.
    pub format: RawFormat,
    /// Declared columns.
    pub columns: Vec<RawColumn>,
    /// Places in the relation's schema that are wanted.
    pub projection: Vec<usize>,
    /// Rows of all pieces, where they are known.
    pub rows: Option<u64>,
}

impl ReadRaw {
    /// Schema of the rows that come out.
    ///
    /// # Errors
    /// Where the projection does not fit.
    pub fn schema(&self) -> Result<SchemaRef> {
        Ok(Arc::new(
            relation_schema(&self.columns).project(&self.projection)?,
        ))
    }

    /// Runs on one partition.
    ///
    /// # Errors
    /// None before the stream is polled.
    pub fn execute(
        &self,
        mut input: SendableRecordBatchStream,
        _: &Arc<TaskContext>,
        schema: SchemaRef,
        metrics: &ExecutionPlanMetricsSet,
        partition: usize,
    ) -> Result<SendableRecordBatchStream> {
        let mut builder = RecordBatchReceiverStreamBuilder::new(schema, 2);
        let (tx, op) = (builder.tx(), self.clone());
        let baseline = BaselineMetrics::new(metrics, partition);
        builder.spawn(async move {
            while let Some(batch) = input.next().await {
                let batch = batch?;
                for piece in pieces_of(&batch) {
                    let (op, tx, baseline) = (op.clone(), tx.clone(), baseline.intermediate());
                    let read = tokio::task::spawn_blocking(move || op.read(&piece, &tx, &baseline));
                    read.await.map_err(|e| {
                        datafusion::common::exec_datafusion_err!("reading stopped: {e}")
                    })??;
                }
            }
            Ok(())
        });
        Ok(builder.build())
    }

    /// Reads one piece; stops early where nobody listens any more.
    fn read(
        &self,
        piece: &RawPiece,
        tx: &Sender<Result<RecordBatch>>,
        baseline: &BaselineMetrics,
    ) -> Result<()> {
        let mut next: Box<dyn FnMut() -> Result<Option<RecordBatch>>> = match self.format {
            RawFormat::Csv => {
                let mut read = CsvRead::open(&piece.path, &self.columns)?;
                Box::new(move || read.next_batch())
            }
            RawFormat::Parquet => {
                let mut read = ParquetRead::open(piece, &self.columns)?;
                Box::new(move || read.next_batch())
            }
        };
        let relation = relation_schema(&self.columns);
        while let Some(batch) = next()? {
            let mut columns = batch.columns().to_vec();
            let part = std::iter::repeat_n(piece.part, batch.num_rows());
            columns.push(Arc::new(UInt32Array::from_iter_values(part)));
            let batch = RecordBatch::try_new(Arc::clone(&relation), columns)?;
            baseline.record_output(batch.num_rows());
            if tx
                .blocking_send(Ok(batch.project(&self.projection)?))
                .is_err()
            {
                return Ok(());
            }
        }
        Ok(())
    }
}
