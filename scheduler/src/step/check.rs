//! Checks: registers the tables they read, has the cluster measure all of them in one job, and
//! fetches offending rows of those that do not hold.

use std::collections::BTreeMap;

use datafusion::arrow::array::Array;
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Float64Type};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::TableReference;
use datafusion::prelude::SessionContext;
use pannier_proto::event::{CheckResult, RunEventKind, StepOutcome};
use pannier_proto::manifest::TableManifest;
use pannier_proto::objects;
use pannier_proto::spec::{CheckRule, CheckSpec, DriftOf, Severity};

use super::{StepFailure, StepResult, rows};
use crate::check::{
    Known, Measures, Previous, Row, Verdict, compile, judge, judge_types, offenders, previous,
    reads,
};
use crate::driver::StepRun;
use crate::error::SchedulerError;
use crate::jobs::read_only;

/// Evaluates checks, tells of each, and fails where one of severity `fail` does not hold.
pub async fn run_checks(run: &StepRun, checks: &[CheckSpec]) -> StepResult {
    let context = run.context.jobs.context()?;
    let tables = Tables::register(run, &context, checks).await?;
    let measures = compile(checks, &tables.known);
    let row = measure(run, &context, &measures).await?;
    let now = crate::store::now_ms() as f64 / 1000.0;
    let (mut passed, mut warned, mut failed) = (0, 0, Vec::new());
    for (check, readout) in checks.iter().zip(&measures.readouts) {
        let verdict = match &check.rule {
            CheckRule::Types {
                table,
                types,
                exact,
            } => judge_types(types, *exact, tables.columns(table)),
            rule => judge(rule, readout, &row, now),
        };
        match (verdict.passed, check.severity) {
            (true, _) => passed += 1,
            (false, Severity::Warn) => warned += 1,
            (false, Severity::Fail) => {
                failed.push(format!("check `{}`: {}", check.name, verdict.found));
            }
        }
        let check = result(run, &context, &tables, check, verdict).await?;
        let step = run.step.clone();
        run.tell(RunEventKind::Checked { step, check });
    }
    if failed.is_empty() {
        return Ok((StepOutcome::Checked { passed, warned }, false));
    }
    Err(SchedulerError::Failed(failed.join("; ")).into())
}

/// The tables that checks read, registered in a session.
struct Tables {
    known: BTreeMap<String, Known>,
    manifests: BTreeMap<String, TableManifest>,
}

impl Tables {
    async fn register(
        run: &StepRun,
        context: &SessionContext,
        checks: &[CheckSpec],
    ) -> Result<Self, StepFailure> {
        let jobs = &run.context.jobs;
        let mut tables = Self {
            known: BTreeMap::new(),
            manifests: BTreeMap::new(),
        };
        let last = last_run(run)?;
        for name in checks.iter().flat_map(|c| reads(&c.rule)) {
            if tables.known.contains_key(&name) || run.record.plan.table(&name).is_none() {
                continue;
            }
            let manifest = manifest(run, &name).await?;
            jobs.register(context, &name, &manifest.version).await?;
            let drifts = drifts(checks, &name);
            let previous = match last.get(&name).filter(|_| !drifts.is_empty()) {
                None => Previous::None,
                Some(version) if *version == manifest.version => Previous::Same,
                Some(version) => register_previous(run, context, &name, version, &drifts).await?,
            };
            let rows = manifest.rows;
            tables.known.insert(name.clone(), Known { rows, previous });
            tables.manifests.insert(name, manifest);
        }
        Ok(tables)
    }

    fn columns(&self, table: &str) -> &[pannier_proto::manifest::ManifestColumn] {
        self.manifests
            .get(table)
            .map_or(&[], |manifest| &manifest.columns)
    }
}

/// Versions of the tables of the last succeeded run of the same name.
fn last_run(run: &StepRun) -> Result<BTreeMap<String, String>, SchedulerError> {
    let last = run.context.store.last_succeeded(&run.record)?;
    Ok(last.map(|record| record.plan.tables()).unwrap_or_default())
}

/// What drift rules compare of a table.
fn drifts<'c>(checks: &'c [CheckSpec], name: &str) -> Vec<&'c DriftOf> {
    let of = |check: &'c CheckSpec| match &check.rule {
        CheckRule::Drift { table, of, .. } if table == name => Some(of),
        _ => None,
    };
    checks.iter().filter_map(of).collect()
}

/// Registers a table's earlier version, unless it is gone or lacks a column that is compared.
async fn register_previous(
    run: &StepRun,
    context: &SessionContext,
    table: &str,
    version: &str,
    drifts: &[&DriftOf],
) -> Result<Previous, SchedulerError> {
    let warehouse = run.context.jobs.warehouse();
    let path = objects::table_manifest(table, version);
    let Some(manifest) = warehouse.find_json::<TableManifest>(&path).await? else {
        return Ok(Previous::None);
    };
    let compared = |of: &DriftOf| match of {
        DriftOf::Rows => true,
        DriftOf::Mean { column } | DriftOf::Unseen { column } => {
            manifest.columns.iter().any(|c| c.name == *column)
        }
    };
    if !drifts.iter().all(|of| compared(of)) {
        return Ok(Previous::None);
    }
    let provider = pannier_engine::catalog::table(warehouse, &manifest)?;
    context.register_table(TableReference::bare(previous(table)), provider)?;
    Ok(Previous::Other)
}

/// Measures everything in one job.
async fn measure(
    run: &StepRun,
    context: &SessionContext,
    measures: &Measures,
) -> Result<Row, StepFailure> {
    let queries = measures.queries.iter();
    let queries = queries.map(|q| (q.about.as_str(), q.sql.as_str()));
    let jobs = &run.context.jobs;
    numbers(&rows::one_row(jobs, context, queries, &run.cancel).await?)
}

/// The columns of the one row.
fn numbers(batches: &[RecordBatch]) -> Result<Row, StepFailure> {
    let mut row = Row::new();
    for batch in batches.iter().filter(|b| b.num_rows() > 0) {
        for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
            let number = cast(column, &DataType::Float64)
                .map_err(|e| SchedulerError::Failed(format!("a number cannot be read: {e}")))?;
            let number =
                datafusion::arrow::array::AsArray::as_primitive_opt::<Float64Type>(number.as_ref())
                    .and_then(|n| n.is_valid(0).then(|| n.value(0)));
            row.insert(field.name().clone(), number);
        }
    }
    Ok(row)
}

async fn result(
    run: &StepRun,
    context: &SessionContext,
    tables: &Tables,
    check: &CheckSpec,
    verdict: Verdict,
) -> Result<CheckResult, StepFailure> {
    let mut result = CheckResult {
        name: check.name.clone(),
        rule: check.rule.to_string(),
        severity: check.severity,
        passed: verdict.passed,
        found: verdict.found,
        offending: verdict.offending,
        columns: Vec::new(),
        sample: Vec::new(),
    };
    if verdict.passed || verdict.offending == 0 {
        return Ok(result);
    }
    let sort = match &check.rule {
        CheckRule::Rows { table, .. } => tables.manifests.get(table).map(|m| m.sort.as_slice()),
        _ => None,
    };
    if let Some(sql) = offenders(&check.rule, sort.unwrap_or_default()) {
        let frame = context.sql_with_options(&sql, read_only()).await?;
        let jobs = &run.context.jobs;
        let rows = jobs
            .query(context, frame.into_unoptimized_plan(), &run.cancel)
            .await?;
        (result.columns, result.sample) = rows::texts(&rows)?;
    }
    Ok(result)
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
