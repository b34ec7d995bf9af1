//! Calibration: of the places to which a model gave about the same probability, how many were bought
//! (reliability diagram; DeGroot and Fienberg 1983).

use datafusion::arrow::array::AsArray;
use datafusion::arrow::datatypes::{Float64Type, Int64Type};
use datafusion::prelude::SessionContext;
use pannier_proto::event::CalibrationRow;

use super::StepFailure;
use crate::driver::StepRun;

/// Where rows begin. Most probabilities are small, so most rows are there.
const FROM: [f64; 12] = [
    0.0, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8,
];

/// The rows of the method whose predictions are `predictions_{at}`, by probability.
pub async fn rows(
    run: &StepRun,
    context: &SessionContext,
    method: &str,
    at: usize,
) -> Result<Vec<CalibrationRow>, StepFailure> {
    let begins = FROM.iter().rev();
    let begins: String = begins
        .map(|from| format!(" when score >= {from} then cast({from} as double)"))
        .collect();
    let sql = format!(
        "select lower, count(*) as n, avg(score) as predicted, avg(bought) as observed from (\
           select case{begins} else cast(0 as double) end as lower, score, bought from (\
             select cast(p.score as double) as score, \
               case when array_has(q.targets, p.item_idx) then cast(1 as double) else cast(0 as double) end as bought \
             from predictions_{at} p join queries q on p.query_id = q.query_id)) \
         group by lower order by lower"
    );
    let query = context.sql(&sql).await?.into_optimized_plan()?;
    let mut rows = Vec::new();
    for batch in run.context.jobs.query(context, query, &run.cancel).await? {
        let number = |column: usize| batch.column(column).as_primitive::<Float64Type>();
        let counts = batch.column(1).as_primitive::<Int64Type>();
        rows.extend((0..batch.num_rows()).map(|row| CalibrationRow {
            method: method.to_owned(),
            from: number(0).value(row),
            n: counts.value(row).unsigned_abs(),
            predicted: number(2).value(row),
            observed: number(3).value(row),
        }));
    }
    Ok(rows)
}
