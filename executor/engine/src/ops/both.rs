//! Two plans over one reading: what is read once for both, and the rows of both one after the other as
//! they come. Both are driven by the same task, so neither waits for the other for long.

use std::sync::{Arc, Mutex, PoisonError};

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::exec_datafusion_err;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::StreamExt;
use futures::stream::select_all;
use tokio::sync::mpsc::{Receiver, Sender, channel};

/// Batches that are read ahead of either plan.
const AHEAD: usize = 2;

/// Runs both plans on one partition.
///
/// # Errors
/// Where one of them cannot begin.
pub fn execute(
    plans: &[Arc<dyn ExecutionPlan>],
    schema: SchemaRef,
    partition: usize,
    context: &Arc<TaskContext>,
) -> Result<SendableRecordBatchStream> {
    let reading = Arc::new(OneReading::default());
    let config = context.session_config().clone().with_extension(reading);
    let context = Arc::new(TaskContext::new(
        context.task_id(),
        context.session_id(),
        config,
        context.scalar_functions().clone(),
        context.higher_order_functions().clone(),
        context.aggregate_functions().clone(),
        context.window_functions().clone(),
        context.runtime_env(),
    ));
    let streams = plans
        .iter()
        .map(|plan| plan.execute(partition, Arc::clone(&context)))
        .collect::<Result<Vec<_>>>()?;
    Ok(Box::pin(RecordBatchStreamAdapter::new(
        schema,
        select_all(streams),
    )))
}

/// A batch, or `None` at the end: a channel that closes before was cut off.
type Said = Result<Option<RecordBatch>>;

/// One reading for the two plans of a partition.
#[derive(Default)]
pub struct OneReading {
    second: Mutex<Option<Receiver<Said>>>,
}

impl OneReading {
    /// The rows that are read: whoever asks first has `begin` read, and the other gets the same.
    pub fn join(&self, begin: impl FnOnce(Readers)) -> Receiver<Said> {
        let mut second = self.second.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(rows) = second.take() {
            return rows;
        }
        let ((one, first), (other, rows)) = (channel(AHEAD), channel(AHEAD));
        *second = Some(rows);
        begin(Readers(vec![one, other]));
        first
    }
}

/// Those who get what is read.
pub struct Readers(Vec<Sender<Said>>);

impl Readers {
    /// Readers of one plan.
    #[must_use]
    pub fn one(reader: Sender<Said>) -> Self {
        Self(vec![reader])
    }

    /// Gives all of them a batch; false where nobody listens any more. Blocks.
    pub fn give(&self, batch: &RecordBatch) -> bool {
        let given = self.0.iter();
        let given = given.map(|r| r.blocking_send(Ok(Some(batch.clone()))).is_ok());
        // Every one of them, whatever became of the others.
        given.fold(false, |any, given| any | given)
    }

    /// Tells all of them how the reading ended.
    pub async fn end(&self, ended: Result<()>) {
        let ended = ended.map_err(Arc::new);
        for reader in &self.0 {
            let said = match &ended {
                Ok(()) => Ok(None),
                Err(e) => Err(DataFusionError::Shared(Arc::clone(e))),
            };
            // Who has left need not know.
            let _ = reader.send(said).await;
        }
    }
}

/// The rows of a reading as a stream of some of its columns.
pub fn rows(
    reading: Receiver<Said>,
    schema: SchemaRef,
    columns: Option<Vec<usize>>,
) -> SendableRecordBatchStream {
    let stream =
        futures::stream::try_unfold((reading, columns), |(mut reading, columns)| async move {
            let said = reading.recv().await;
            let said = said.ok_or_else(|| exec_datafusion_err!("a reading was cut off"))??;
            let batch = match (said, &columns) {
                (None, _) => return Ok(None),
                (Some(batch), Some(columns)) => batch.project(columns)?,
                (Some(batch), None) => batch,
            };
            Ok(Some((batch, (reading, columns))))
        });
    Box::pin(RecordBatchStreamAdapter::new(schema, stream.boxed()))
}
