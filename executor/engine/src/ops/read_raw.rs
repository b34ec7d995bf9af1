//! Pieces of raw files in, rows out. Files are read on a blocking thread, a bounded number of batches ahead.

use std::sync::Arc;

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::exec_datafusion_err;
use datafusion::error::Result;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet, RecordOutput};
use futures::StreamExt;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc::channel;

use super::both::{OneReading, Readers, rows};
use crate::raw::read::RawRead;
use crate::raw::relation::pieces_of;
use crate::raw::{RawColumn, RawForm, RawPiece, Reading, read, relation_schema};

/// Batches that are read ahead.
const AHEAD: usize = 2;

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
    /// Places that are read, those wanted among them, where another plan of the task reads the same
    /// pieces: then one reading serves both.
    #[serde(default)]
    pub shared: Option<Vec<usize>>,
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
    /// Where a shared reading lacks a column that is wanted.
    pub fn execute(
        &self,
        input: SendableRecordBatchStream,
        context: &Arc<TaskContext>,
        schema: SchemaRef,
        metrics: &ExecutionPlanMetricsSet,
        partition: usize,
    ) -> Result<SendableRecordBatchStream> {
        let baseline = BaselineMetrics::new(metrics, partition);
        let both = context.session_config().get_extension::<OneReading>();
        if let (Some(all), Some(reading)) = (&self.shared, both) {
            let place = |wanted: &usize| all.iter().position(|a| a == wanted);
            let columns: Option<Vec<usize>> = self.projection.iter().map(place).collect();
            let lacks = || exec_datafusion_err!("a shared reading lacks a column");
            let columns = columns.ok_or_else(lacks)?;
            let begin = |readers| self.clone().begin(input, all.clone(), readers, baseline);
            return Ok(rows(reading.join(begin), schema, Some(columns)));
        }
        let (reader, reading) = channel(AHEAD);
        let columns = self.projection.clone();
        self.clone()
            .begin(input, columns, Readers::one(reader), baseline);
        Ok(rows(reading, schema, None))
    }

    /// Begins to read `columns` for the readers; it stops where none of them listens any more.
    fn begin(
        self,
        mut input: SendableRecordBatchStream,
        columns: Vec<usize>,
        readers: Readers,
        baseline: BaselineMetrics,
    ) {
        let (op, baseline) = (Arc::new(self), Arc::new(baseline));
        let (columns, readers) = (Arc::new(columns), Arc::new(readers));
        tokio::spawn(async move {
            let reading = async {
                while let Some(batch) = input.next().await {
                    for piece in pieces_of(&batch?) {
                        let (op, columns) = (Arc::clone(&op), Arc::clone(&columns));
                        let (readers, baseline) = (Arc::clone(&readers), Arc::clone(&baseline));
                        let read = tokio::task::spawn_blocking(move || {
                            op.read(&piece, &columns, &readers, &baseline)
                        });
                        let read = read.await;
                        if !read.map_err(|e| exec_datafusion_err!("reading stopped: {e}"))?? {
                            return Ok(());
                        }
                    }
                }
                Ok(())
            };
            let ended = reading.await;
            readers.end(ended).await;
        });
    }

    /// Reads one piece; false where nobody listens any more.
    fn read(
        &self,
        piece: &RawPiece,
        columns: &[usize],
        readers: &Readers,
        baseline: &BaselineMetrics,
    ) -> Result<bool> {
        let reading = Reading::new(&self.columns, columns, piece.part)?;
        let mut file = read::open(piece, &self.form, &Arc::new(reading))?;
        let next = |file: &mut Box<dyn RawRead>| {
            let _busy = baseline.elapsed_compute().timer();
            file.next_batch()
        };
        while let Some(batch) = next(&mut file)? {
            if !readers.give(&batch.record_output(baseline)) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
