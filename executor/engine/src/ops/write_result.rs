//! The sink of queries. One task writes the rows as they come, as pieces of one Arrow IPC stream:
//! read one after the other they are that stream, so nobody on the way to its reader decodes them.
//! The pieces of an attempt count once its note is put, and the first note stays: two attempts
//! never mix, even where the query would give other rows the second time.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, RecordBatch, UInt64Array};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::arrow::ipc::writer::StreamWriter;
use datafusion::error::Result;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::StreamExt;
use pannier_proto::objects;
use serde::{Deserialize, Serialize};

use crate::warehouse::Warehouse;

/// Bytes of a piece, and so what writer and reader hold at a time; one record batch more at most.
const PIECE_BYTES: usize = 8 << 20;

/// Writes a query's rows.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct WriteResult {
    /// Root of the warehouse.
    pub warehouse: String,
    /// Id of the result.
    pub id: String,
    /// Rows at most.
    pub limit: Option<u64>,
}

/// What a result consists of.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResultNote {
    /// Paths of the pieces, in order.
    pub pieces: Vec<String>,
    /// Rows.
    pub rows: u64,
    /// Bytes of all pieces.
    pub bytes: u64,
    /// Whether the limit cut rows off.
    pub truncated: bool,
}

impl WriteResult {
    /// One row: how many rows were written.
    #[must_use]
    pub fn schema() -> SchemaRef {
        Arc::new(Schema::new(vec![Field::new(
            "rows",
            DataType::UInt64,
            false,
        )]))
    }

    /// Runs on the only partition.
    ///
    /// # Errors
    /// None before the stream is polled.
    pub fn execute(
        &self,
        input: SendableRecordBatchStream,
        metrics: &ExecutionPlanMetricsSet,
        partition: usize,
    ) -> Result<SendableRecordBatchStream> {
        let op = self.clone();
        let baseline = BaselineMetrics::new(metrics, partition);
        let done = async move {
            let rows = op.write(input, &baseline).await?;
            let column: ArrayRef = Arc::new(UInt64Array::from(vec![rows]));
            Ok(RecordBatch::try_new(Self::schema(), vec![column])?)
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
    ) -> Result<u64> {
        let mut pieces = Pieces::open(self)?;
        let mut writer = StreamWriter::try_new(Vec::new(), &input.schema())?;
        while let Some(batch) = input.next().await {
            let mut batch = batch?;
            let left = self.limit.map_or(u64::MAX, |most| most - pieces.note.rows);
            if batch.num_rows() as u64 > left {
                pieces.note.truncated = true;
                batch = batch.slice(0, left as usize);
            }
            writer.write(&batch)?;
            pieces.note.rows += batch.num_rows() as u64;
            baseline.record_output(batch.num_rows());
            if writer.get_ref().len() >= PIECE_BYTES {
                pieces.put(std::mem::take(writer.get_mut())).await?;
            }
            if pieces.note.truncated {
                break;
            }
        }
        pieces.put(writer.into_inner()?).await?;
        pieces.commit().await
    }
}

/// The pieces of one attempt.
struct Pieces<'a> {
    op: &'a WriteResult,
    warehouse: Warehouse,
    attempt: String,
    note: ResultNote,
}

impl<'a> Pieces<'a> {
    fn open(op: &'a WriteResult) -> Result<Self> {
        Ok(Self {
            op,
            warehouse: Warehouse::open(&op.warehouse)?,
            attempt: uuid::Uuid::new_v4().simple().to_string()[..12].to_owned(),
            note: ResultNote::default(),
        })
    }

    async fn put(&mut self, bytes: Vec<u8>) -> Result<()> {
        let path = objects::result_piece(&self.op.id, &self.attempt, self.note.pieces.len());
        self.note.bytes += bytes.len() as u64;
        self.warehouse.put(&path, bytes).await?;
        self.note.pieces.push(path);
        Ok(())
    }

    /// Puts the note; where there is one already, these pieces go. Gives the rows that count.
    async fn commit(self) -> Result<u64> {
        let path = objects::result_note(&self.op.id);
        if self.warehouse.put_json_if_absent(&path, &self.note).await? {
            return Ok(self.note.rows);
        }
        for piece in &self.note.pieces {
            self.warehouse.delete(piece).await?;
        }
        let first: ResultNote = self.warehouse.get_json(&path).await?;
        Ok(first.rows)
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::Int64Array;
    use datafusion::arrow::buffer::Buffer;
    use datafusion::arrow::ipc::reader::StreamDecoder;
    use datafusion::physical_plan::EmptyRecordBatchStream;
    use datafusion::physical_plan::stream::RecordBatchStreamAdapter;

    use super::*;

    fn numbers(batches: usize, rows: usize) -> SendableRecordBatchStream {
        let schema = Arc::new(Schema::new(vec![Field::new("n", DataType::Int64, false)]));
        let of = Arc::clone(&schema);
        let batch = move |i: usize| {
            let values = (i * rows..(i + 1) * rows).map(|n| n as i64);
            let column: ArrayRef = Arc::new(Int64Array::from_iter_values(values));
            Ok(RecordBatch::try_new(Arc::clone(&of), vec![column])?)
        };
        let stream = futures::stream::iter((0..batches).map(batch));
        Box::pin(RecordBatchStreamAdapter::new(schema, stream))
    }

    async fn read(warehouse: &Warehouse, id: &str) -> Result<(ResultNote, Vec<i64>)> {
        let note: ResultNote = warehouse.get_json(&objects::result_note(id)).await?;
        let (mut decoder, mut seen) = (StreamDecoder::new(), Vec::new());
        for piece in &note.pieces {
            let mut bytes = Buffer::from(warehouse.get(piece).await?);
            while let Some(batch) = decoder.decode(&mut bytes)? {
                let column = batch.column(0).as_any().downcast_ref::<Int64Array>();
                seen.extend(column.into_iter().flat_map(|c| c.values().iter().copied()));
            }
        }
        decoder.finish()?;
        Ok((note, seen))
    }

    #[tokio::test]
    async fn pieces_are_one_stream_and_the_first_attempt_stays() -> Result<()> {
        let dir = tempfile::tempdir()?;
        let root = dir.path().display().to_string();
        let warehouse = Warehouse::open(&root)?;
        let op = |id: &str, limit| WriteResult {
            warehouse: root.clone(),
            id: id.into(),
            limit,
        };
        let baseline = BaselineMetrics::new(&ExecutionPlanMetricsSet::new(), 0);
        let rows = 300_000;
        op("a", None).write(numbers(8, rows), &baseline).await?;
        let (note, seen) = read(&warehouse, "a").await?;
        assert!(note.pieces.len() > 1, "{note:?}");
        assert_eq!((note.rows, note.truncated), (8 * rows as u64, false));
        assert!(seen.iter().copied().eq(0..8 * rows as i64));

        // A second attempt changes nothing and leaves nothing.
        assert_eq!(
            op("a", None).write(numbers(1, 5), &baseline).await?,
            note.rows
        );
        let kept = warehouse.list(&objects::result_dir("a")).await?;
        assert_eq!(kept.len(), note.pieces.len() + 1);

        op("b", Some(7)).write(numbers(2, 5), &baseline).await?;
        let (note, seen) = read(&warehouse, "b").await?;
        assert!(note.truncated && seen.iter().copied().eq(0..7), "{note:?}");
        let none = Box::pin(EmptyRecordBatchStream::new(WriteResult::schema()));
        op("c", Some(7)).write(none, &baseline).await?;
        let (note, seen) = read(&warehouse, "c").await?;
        assert!(!note.truncated && seen.is_empty() && note.pieces.len() == 1);
        Ok(())
    }
}
