//! Small answers of the cluster: queries of one row each in one job, and rows as text.

use std::collections::BTreeMap;

use datafusion::arrow::array::Array;
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::LogicalPlanBuilder;
use datafusion::prelude::SessionContext;
use tokio_util::sync::CancellationToken;

use crate::error::SchedulerError;
use crate::jobs::{Jobs, read_only};

/// Runs queries of one row each, given with what each is about, side by side in one job. Their
/// columns must have different names.
///
/// # Errors
/// `Failed` where one of them cannot be planned; as [`Jobs::query`].
pub async fn one_row(
    jobs: &Jobs,
    context: &SessionContext,
    queries: impl Iterator<Item = (&str, &str)>,
    cancel: &CancellationToken,
) -> Result<Vec<RecordBatch>, SchedulerError> {
    let mut joined: Option<LogicalPlanBuilder> = None;
    for (about, sql) in queries {
        let wrong = |e: DataFusionError| {
            let text = e.strip_backtrace();
            SchedulerError::Failed(format!("the SQL of {about} is wrong: {text}"))
        };
        let frame = context.sql_with_options(sql, read_only()).await;
        let plan = frame.map_err(wrong)?.into_unoptimized_plan();
        joined = Some(match joined {
            None => LogicalPlanBuilder::from(plan),
            Some(left) => left.cross_join(plan)?,
        });
    }
    match joined {
        Some(joined) => jobs.query(context, joined.build()?, cancel).await,
        None => Ok(Vec::new()),
    }
}

/// Rows as text, with the names of their columns; null is empty.
pub fn texts(batches: &[RecordBatch]) -> Result<(Vec<String>, Vec<Vec<String>>), SchedulerError> {
    let options = FormatOptions::default().with_null("");
    let (mut names, mut rows) = (Vec::new(), Vec::new());
    for batch in batches {
        let schema = batch.schema();
        names = schema.fields().iter().map(|f| f.name().clone()).collect();
        let columns = batch
            .columns()
            .iter()
            .map(|c| ArrayFormatter::try_new(c.as_ref() as &dyn Array, &options))
            .collect::<Result<Vec<_>, _>>();
        let columns = columns.map_err(|e| SchedulerError::Failed(e.to_string()))?;
        let row = |i| columns.iter().map(|c| c.value(i).to_string()).collect();
        rows.extend((0..batch.num_rows()).map(row));
    }
    Ok((names, rows))
}

/// The same rows, each value by its column's name.
pub fn named(batches: &[RecordBatch]) -> Result<Vec<BTreeMap<String, String>>, SchedulerError> {
    let (names, rows) = texts(batches)?;
    let named = |row: Vec<String>| names.iter().cloned().zip(row).collect();
    Ok(rows.into_iter().map(named).collect())
}
