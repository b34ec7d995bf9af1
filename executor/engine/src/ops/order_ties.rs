//! Puts rows in their full order that come in the order of some columns already: only rows that are
//! equal in those are compared, and where there are none every batch goes on as it came. What a
//! stored table gives in its own order is not sorted a second time.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, RecordBatch};
use datafusion::arrow::compute::{
    SortColumn, SortOptions, concat_batches, lexsort_to_indices, partition, take_record_batch,
};
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::error::Result;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::StreamExt;
use serde::{Deserialize, Serialize};

/// Orders a table's rows: ascending, nulls first.
pub const ORDER: SortOptions = SortOptions {
    descending: false,
    nulls_first: true,
};

/// Orders ties.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct OrderTies {
    /// Places of the columns of the full order.
    pub by: Vec<usize>,
    /// So many of the first of them are in order already.
    pub ordered: usize,
}

impl OrderTies {
    /// Runs on one partition.
    ///
    /// # Errors
    /// None before the stream is polled.
    pub fn execute(
        &self,
        input: SendableRecordBatchStream,
        schema: SchemaRef,
        metrics: &ExecutionPlanMetricsSet,
        partition: usize,
    ) -> SendableRecordBatchStream {
        let state = Ties {
            op: self.clone(),
            input,
            held: None,
            baseline: BaselineMetrics::new(metrics, partition),
        };
        let stream = futures::stream::try_unfold(state, |mut ties| async move {
            let next = ties.next().await?;
            Ok(next.map(|batch| (batch, ties)))
        });
        Box::pin(RecordBatchStreamAdapter::new(schema, stream.boxed()))
    }

    fn columns<'a>(&'a self, rows: &'a RecordBatch) -> impl Iterator<Item = ArrayRef> + 'a {
        self.by.iter().map(|at| Arc::clone(rows.column(*at)))
    }

    /// How many different values the ordered columns have, of rows in their order.
    fn values(&self, rows: &RecordBatch) -> Result<usize> {
        let ordered: Vec<ArrayRef> = self.columns(rows).take(self.ordered).collect();
        Ok(partition(&ordered)?.len())
    }

    /// Whether the last row of one batch and the first of the next are equal so far.
    fn meet(&self, one: &RecordBatch, next: &RecordBatch) -> Result<bool> {
        let ends = [one.slice(one.num_rows() - 1, 1), next.slice(0, 1)];
        Ok(self.values(&concat_batches(&one.schema(), &ends)?)? == 1)
    }

    /// A batch in full order, which no row outside of it ties with.
    fn sorted(&self, rows: RecordBatch) -> Result<RecordBatch> {
        if self.values(&rows)? == rows.num_rows() {
            return Ok(rows);
        }
        let by: Vec<SortColumn> = self
            .columns(&rows)
            .map(|values| SortColumn {
                values,
                options: Some(ORDER),
            })
            .collect();
        Ok(take_record_batch(&rows, &lexsort_to_indices(&by, None)?)?)
    }
}

/// A stream being put in order.
struct Ties {
    op: OrderTies,
    input: SendableRecordBatchStream,
    /// Rows that those to come may tie with.
    held: Option<RecordBatch>,
    baseline: BaselineMetrics,
}

impl Ties {
    async fn next(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            let next = self.input.next().await.transpose()?;
            let _busy = self.baseline.elapsed_compute().timer();
            let ready = match (self.held.take(), next) {
                (held, Some(next)) if next.num_rows() == 0 => {
                    self.held = held;
                    continue;
                }
                (None, Some(next)) => {
                    self.held = Some(next);
                    continue;
                }
                (Some(held), Some(next)) if self.op.meet(&held, &next)? => {
                    self.held = Some(concat_batches(&held.schema(), &[held, next])?);
                    continue;
                }
                (Some(held), next) => {
                    self.held = next;
                    self.op.sorted(held)?
                }
                (None, None) => return Ok(None),
            };
            self.baseline.record_output(ready.num_rows());
            return Ok(Some(ready));
        }
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{AsArray, Int64Array};
    use datafusion::arrow::datatypes::{DataType, Field, Int64Type, Schema};
    use futures::TryStreamExt;
    use proptest::prelude::*;

    use super::*;

    type Row = (Option<i64>, i64, i64);

    async fn ordered(rows: &[Row], lengths: &[usize]) -> Result<Vec<Row>> {
        let fields = ["a", "b", "c"].map(|n| Field::new(n, DataType::Int64, true));
        let schema = Arc::new(Schema::new(fields.to_vec()));
        let (mut batches, mut rest) = (Vec::new(), rows);
        for length in lengths.iter().chain([&rows.len()]) {
            let (now, later) = rest.split_at((*length).min(rest.len()));
            let columns: Vec<ArrayRef> = vec![
                Arc::new(now.iter().map(|r| r.0).collect::<Int64Array>()),
                Arc::new(now.iter().map(|r| Some(r.1)).collect::<Int64Array>()),
                Arc::new(now.iter().map(|r| Some(r.2)).collect::<Int64Array>()),
            ];
            batches.push(Ok(RecordBatch::try_new(Arc::clone(&schema), columns)?));
            rest = later;
        }
        let input =
            RecordBatchStreamAdapter::new(Arc::clone(&schema), futures::stream::iter(batches));
        let op = OrderTies {
            by: vec![0, 2, 1],
            ordered: 1,
        };
        let stream = op.execute(Box::pin(input), schema, &ExecutionPlanMetricsSet::new(), 0);
        let batches: Vec<RecordBatch> = stream.try_collect().await?;
        let numbers = |batch: &RecordBatch, at: usize| -> Vec<Option<i64>> {
            batch
                .column(at)
                .as_primitive::<Int64Type>()
                .iter()
                .collect()
        };
        let rows = batches.iter().flat_map(|batch| {
            let (b, c) = (numbers(batch, 1), numbers(batch, 2));
            let rest = b.into_iter().zip(c);
            let rows = numbers(batch, 0).into_iter().zip(rest);
            rows.map(|(a, (b, c))| (a, b.unwrap_or_default(), c.unwrap_or_default()))
        });
        Ok(rows.collect())
    }

    proptest! {
        #[test]
        fn rows_come_in_the_order_of_all_columns_however_they_are_cut(
            mut rows in proptest::collection::vec((proptest::option::of(0..9i64), 0..3i64, 0..3i64), 0..40),
            lengths in proptest::collection::vec(0..7usize, 0..9),
        ) {
            rows.sort_by_key(|r| r.0);
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let found = runtime.block_on(ordered(&rows, &lengths)).unwrap();
            rows.sort_by_key(|r| (r.0, r.2, r.1));
            prop_assert_eq!(found, rows);
        }
    }
}
