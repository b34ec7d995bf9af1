//! Results of queries: written by an executor into the warehouse, read once, and removed, however
//! the query ends. Which of them are in use is known here, so that a clean-up leaves them.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use datafusion::arrow::buffer::Buffer;
use datafusion::arrow::ipc::reader::StreamDecoder;
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::prelude::SessionContext;
use pannier_engine::ops::write_result::{ResultNote, WriteResult};
use pannier_engine::table::result_plan;
use pannier_proto::objects;
use tokio_util::sync::CancellationToken;

use crate::error::SchedulerError;
use crate::jobs::{JobProgress, Jobs};

/// A write that was under way when its query was cancelled has ended after this.
const LATE: Duration = Duration::from_secs(10);

/// Ids of the results in use.
#[derive(Debug, Clone, Default)]
pub struct LiveResults {
    ids: Arc<Mutex<BTreeSet<String>>>,
}

impl LiveResults {
    fn ids(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.ids.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether an object of the warehouse belongs to a result in use.
    #[must_use]
    pub fn holds(&self, path: &str) -> bool {
        let mut parts = path.split('/');
        parts.next() == Some(objects::RESULTS)
            && parts.next().is_some_and(|id| self.ids().contains(id))
    }

    fn open(&self) -> LiveResult {
        let id = uuid::Uuid::new_v4().simple().to_string();
        self.ids().insert(id.clone());
        LiveResult {
            id,
            all: self.clone(),
        }
    }
}

/// A result in use, until it is dropped.
#[derive(Debug)]
pub struct LiveResult {
    id: String,
    all: LiveResults,
}

impl Drop for LiveResult {
    fn drop(&mut self) {
        self.all.ids().remove(&self.id);
    }
}

impl Jobs {
    /// A place for a result. [`Self::discard`] must follow.
    #[must_use]
    pub fn open_result(&self) -> LiveResult {
        self.results().open()
    }

    /// Has an executor write a planned query's rows, at most `limit`.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub async fn write_result(
        &self,
        result: &LiveResult,
        context: &SessionContext,
        query: Arc<dyn ExecutionPlan>,
        limit: Option<u64>,
        cancel: &CancellationToken,
        progress: impl FnMut(JobProgress) + Send,
    ) -> Result<ResultNote, SchedulerError> {
        let op = WriteResult {
            warehouse: self.warehouse().root(),
            id: result.id.clone(),
            limit,
        };
        let plan = result_plan(query, op)?;
        self.run("query", context, plan, cancel, progress).await?;
        let note = objects::result_note(&result.id);
        Ok(self.warehouse().get_json(&note).await?)
    }

    /// The bytes of one piece.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub async fn piece(&self, path: &str) -> Result<Bytes, SchedulerError> {
        Ok(self.warehouse().get(path).await?)
    }

    /// Removes a result. An executor that was cancelled may be in the midst of a write: then it
    /// is removed once more, later.
    ///
    /// # Errors
    /// Where the warehouse fails.
    pub async fn discard(&self, result: LiveResult, cut: bool) -> Result<(), SchedulerError> {
        let folder = objects::result_dir(&result.id);
        self.warehouse().delete_all(&folder).await?;
        if cut {
            let warehouse = self.warehouse().clone();
            tokio::spawn(async move {
                tokio::time::sleep(LATE).await;
                if let Err(error) = warehouse.delete_all(&folder).await {
                    tracing::warn!(%error, folder, "a cancelled query's result is still there");
                }
            });
        }
        Ok(())
    }

    /// Runs a query on the cluster and reads its rows, which must be few. At least one batch
    /// comes back.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub async fn query(
        &self,
        context: &SessionContext,
        query: LogicalPlan,
        cancel: &CancellationToken,
    ) -> Result<Vec<RecordBatch>, SchedulerError> {
        let plan = context.state().create_physical_plan(&query).await?;
        let schema = plan.schema();
        let result = self.open_result();
        let written = self
            .write_result(&result, context, plan, None, cancel, |_| {})
            .await;
        let rows = match written {
            Ok(note) => self.rows(&note).await,
            Err(e) => Err(e),
        };
        self.discard(result, cancel.is_cancelled()).await?;
        let mut rows = rows?;
        if rows.is_empty() {
            rows.push(RecordBatch::new_empty(schema));
        }
        Ok(rows)
    }

    async fn rows(&self, note: &ResultNote) -> Result<Vec<RecordBatch>, SchedulerError> {
        let unreadable = |e| SchedulerError::Failed(format!("a result cannot be read: {e}"));
        let (mut decoder, mut rows) = (StreamDecoder::new(), Vec::new());
        for piece in &note.pieces {
            let mut bytes = Buffer::from(self.piece(piece).await?);
            while let Some(batch) = decoder.decode(&mut bytes).map_err(unreadable)? {
                rows.push(batch);
            }
        }
        decoder.finish().map_err(unreadable)?;
        Ok(rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_is_held_while_it_is_in_use() {
        let live = LiveResults::default();
        let result = live.open();
        let path = objects::result_piece(&result.id, "attempt", 0);
        assert!(live.holds(&path));
        assert!(!live.holds(&objects::result_piece("other", "attempt", 0)));
        assert!(!live.holds(&path.replace(objects::RESULTS, "tables")));
        drop(result);
        assert!(!live.holds(&path));
    }
}
