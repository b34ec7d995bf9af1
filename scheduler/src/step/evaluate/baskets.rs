//! Baskets: at which rank each hidden item was placed.

use datafusion::arrow::array::AsArray;
use datafusion::arrow::datatypes::{Int64Type, UInt32Type};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::prelude::SessionContext;

use super::StepFailure;
use crate::driver::StepRun;

/// How many queries have which ranks with the methods, in their order (0: the hidden item is not
/// in the list). One row per combination that occurs.
pub async fn ranks(
    run: &StepRun,
    context: &SessionContext,
    methods: usize,
) -> Result<Vec<(Vec<u32>, u64)>, StepFailure> {
    let each = |part: fn(usize) -> String| (0..methods).map(part).collect::<Vec<_>>();
    let ranks = each(|m| format!("coalesce(p{m}.rank, arrow_cast(0, 'UInt32'))"));
    let joins = each(|m| {
        format!(
            "left join predictions_{m} p{m} on p{m}.query_id = q.query_id and p{m}.item_idx = q.target"
        )
    });
    let named: Vec<String> = ranks
        .iter()
        .enumerate()
        .map(|(m, r)| format!("{r} as rank_{m}"))
        .collect();
    let sql = format!(
        "select {}, count(*) as n from queries q {} group by {}",
        named.join(", "),
        joins.join(" "),
        ranks.join(", ")
    );
    let query = context.sql(&sql).await?.into_optimized_plan()?;
    let batches = run.context.jobs.query(context, query, &run.cancel).await?;
    let mut out = Vec::new();
    for batch in &batches {
        let count = batch.column(methods).as_primitive::<Int64Type>();
        for row in 0..batch.num_rows() {
            out.push((
                ranks_of(batch, methods, row),
                count.value(row).unsigned_abs(),
            ));
        }
    }
    Ok(out)
}

fn ranks_of(batch: &RecordBatch, methods: usize, row: usize) -> Vec<u32> {
    (0..methods)
        .map(|m| batch.column(m).as_primitive::<UInt32Type>().value(row))
        .collect()
}
