//! Checks: SQL that gives offending rows, and the share of rejects.

use std::collections::BTreeMap;

use datafusion::arrow::array::Array;
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use pannier_proto::event::{RunEventKind, StepOutcome};
use pannier_proto::manifest::TableManifest;
use pannier_proto::objects;
use pannier_proto::spec::{CheckSpec, Severity};

use super::{StepFailure, StepResult};
use crate::driver::StepRun;
use crate::error::SchedulerError;
use crate::jobs::read_only;

/// Offending rows that are shown.
const SHOWN: usize = 20;

/// Runs a check's SQL over the staged tables.
pub async fn run_check(run: &StepRun, check: &CheckSpec) -> StepResult {
    let jobs = &run.context.jobs;
    let context = jobs.context()?;
    for (name, version) in run.record.plan.tables() {
        // A check may read any table that is there when it runs: those staged from the source.
        if run
            .context
            .jobs
            .warehouse()
            .exists(&objects::table_manifest(&name, &version))
            .await?
        {
            jobs.register(&context, &name, &version).await?;
        }
    }
    let wrong = |e: datafusion::error::DataFusionError| {
        SchedulerError::Failed(format!(
            "the SQL of check `{}` is wrong: {}",
            check.name,
            e.strip_backtrace()
        ))
    };
    let offending = context
        .sql_with_options(&check.sql, read_only())
        .await
        .map_err(wrong)?
        .into_optimized_plan()
        .map_err(wrong)?;
    let rows = jobs.query(&context, offending, &run.cancel).await?;
    let count = rows.iter().map(|b| b.num_rows() as u64).sum::<u64>();
    judge(
        run,
        &check.name,
        check.severity,
        count,
        check.limit,
        sample(&rows, SHOWN)?,
    )
}

/// Compares the number of rejects with that of the lines read.
pub async fn reject_share(run: &StepRun, share: f64) -> StepResult {
    let (rejects, transactions) = (
        manifest(run, "rejects").await?,
        manifest(run, "transactions").await?,
    );
    let lines = rejects.rows + transactions.rows;
    let limit = (share * lines as f64).floor() as u64;
    let jobs = &run.context.jobs;
    let context = jobs.context()?;
    let mut shown = Vec::new();
    if rejects.rows > 0 {
        jobs.register(&context, "rejects", &rejects.version).await?;
        let query = context
            .sql("select file, line, reason, text from rejects order by file, line limit 20")
            .await?
            .into_optimized_plan()?;
        shown = sample(&jobs.query(&context, query, &run.cancel).await?, SHOWN)?;
    }
    judge(
        run,
        "share of rejects",
        Severity::Fail,
        rejects.rows,
        limit,
        shown,
    )
}

/// The manifest of a table of this run.
pub async fn manifest(run: &StepRun, table: &str) -> Result<TableManifest, StepFailure> {
    let plan = run
        .record
        .plan
        .table(table)
        .ok_or_else(|| SchedulerError::Failed(format!("the plan has no table {table}")))?;
    Ok(run
        .context
        .jobs
        .warehouse()
        .get_json(&objects::table_manifest(table, &plan.version))
        .await?)
}

fn judge(
    run: &StepRun,
    name: &str,
    severity: Severity,
    offending: u64,
    limit: u64,
    sample: Vec<BTreeMap<String, String>>,
) -> StepResult {
    let passed = offending <= limit;
    let text = format!("check `{name}`: {offending} offending rows, {limit} allowed");
    if !passed && severity == Severity::Fail {
        for row in &sample {
            let cells: Vec<String> = row.iter().map(|(k, v)| format!("{k}={v}")).collect();
            run.tell(RunEventKind::Log {
                step: run.step.clone(),
                text: cells.join("  "),
            });
        }
        return Err(SchedulerError::Failed(text).into());
    }
    let severity = if severity == Severity::Fail {
        "fail"
    } else {
        "warn"
    }
    .to_owned();
    Ok((
        StepOutcome::Checked {
            offending,
            limit,
            severity,
            passed,
            sample,
        },
        false,
    ))
}

/// The first rows as text, column by column.
pub fn sample(
    batches: &[RecordBatch],
    most: usize,
) -> Result<Vec<BTreeMap<String, String>>, SchedulerError> {
    let options = FormatOptions::default().with_null("");
    let mut rows = Vec::new();
    for batch in batches {
        let schema = batch.schema();
        let columns = batch
            .columns()
            .iter()
            .map(|c| ArrayFormatter::try_new(c.as_ref() as &dyn Array, &options))
            .collect::<Result<Vec<_>, _>>();
        let columns = columns.map_err(|e| SchedulerError::Failed(e.to_string()))?;
        for row in 0..batch.num_rows().min(most - rows.len()) {
            rows.push(
                schema
                    .fields()
                    .iter()
                    .zip(&columns)
                    .map(|(f, c)| (f.name().clone(), c.value(row).to_string()))
                    .collect(),
            );
        }
    }
    Ok(rows)
}
