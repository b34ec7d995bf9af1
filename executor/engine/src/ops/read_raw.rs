//! Pieces of raw files in, rows out. Files are read on a blocking thread, a bounded number of batches ahead.

use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::error::Result;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet, RecordOutput};
use datafusion::physical_plan::stream::RecordBatchReceiverStreamBuilder;
use futures::StreamExt;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc::Sender;

use crate::raw::read::RawRead;
use crate::raw::relation::pieces_of;
use crate::raw::{RawColumn, RawForm, RawPiece, Reading, read, relation_schema};

/// Reads raw files.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ReadRaw {
    /// Form of all files.
    pub form: RawForm,
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
        let baseline = Arc::new(BaselineMetrics::new(metrics, partition));
        builder.spawn(async move {
            while let Some(batch) = input.next().await {
                let batch = batch?;
                for piece in pieces_of(&batch) {
                    let (op, tx, baseline) = (op.clone(), tx.clone(), Arc::clone(&baseline));
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
        let reading = Reading::new(&self.columns, &self.projection, piece.part)?;
        let mut file = read::open(piece, &self.form, &Arc::new(reading))?;
        let next = |file: &mut Box<dyn RawRead>| {
            let _busy = baseline.elapsed_compute().timer();
            file.next_batch()
        };
        while let Some(batch) = next(&mut file)? {
            let batch = batch.record_output(baseline);
            if tx.blocking_send(Ok(batch)).is_err() {
                return Ok(());
            }
        }
        Ok(())
    }
}
