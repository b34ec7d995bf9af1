//! Makes a table version, unless it is there; and generates raw files.

use std::time::{Duration, Instant};

use datafusion::logical_expr::LogicalPlan;
use datafusion::prelude::SessionContext;
use pannier_engine::exec::{EngineExec, EngineOp};
use pannier_engine::generate as generator;
use pannier_engine::ops::generate::{Generate, marker};
use pannier_engine::raw::{RawRelation, relation};
use pannier_engine::table::{commit, manifest_columns, write_plan};
use pannier_proto::event::{RunEventKind, StepOutcome};
use pannier_proto::ids::BUILD_ID;
use pannier_proto::manifest::{TableLineage, TableManifest};
use pannier_proto::objects;
use pannier_proto::spec::{CsvHeader, GenerateSpec};

use super::{StepFailure, StepResult};
use crate::driver::StepRun;
use crate::error::SchedulerError;
use crate::jobs::{JobProgress, Jobs};
use crate::plan::{RunPlan, TablePlan};

/// Between two progress events of a step.
const TOLD: Duration = Duration::from_millis(100);

/// Makes a table.
pub async fn make(run: &StepRun, table: &TablePlan) -> StepResult {
    let jobs = &run.context.jobs;
    let warehouse = jobs.warehouse();
    let path = objects::table_manifest(&table.name, &table.version);
    if let Some(manifest) = warehouse.find_json::<TableManifest>(&path).await? {
        return Ok((outcome(&manifest), true));
    }
    let context = jobs.context()?;
    let query = query(jobs, &context, &run.record.plan, table).await?;
    let target = table.target(&warehouse.root());
    let plan = write_plan(&context.state(), query.clone(), &target).await?;
    jobs.run(&table.name, &context, plan, &run.cancel, progress(run))
        .await?;
    let lineage = TableLineage {
        sql: table.sql.clone(),
        inputs: inputs(&run.record.plan, table),
        build: BUILD_ID.to_owned(),
    };
    let manifest = commit(warehouse, &target, manifest_columns(&query), lineage).await?;
    enough(run, &manifest)?;
    Ok((outcome(&manifest), false))
}

fn inputs(plan: &RunPlan, table: &TablePlan) -> std::collections::BTreeMap<String, String> {
    let raw = table
        .raw
        .iter()
        .map(|r| (r.clone(), plan.source.version.clone()));
    table.tables.clone().into_iter().chain(raw).collect()
}

/// A table that nothing can be learned from is a fault of the spec, found as early as it can be.
fn enough(run: &StepRun, manifest: &TableManifest) -> Result<(), StepFailure> {
    if manifest.rows > 0 || run.record.plan.spec.train.is_empty() {
        return Ok(());
    }
    let source = pannier_proto::spec::SpecSource {
        file: run.record.spec_file.clone(),
        text: run.record.spec.clone(),
    };
    let (key, message, help) = match manifest.table.as_str() {
        "transactions" => (
            "prepare.weeks",
            "no transaction is left",
            "widen prepare.weeks, or look at the rejects",
        ),
        "vocab" => (
            "prepare.min_item_baskets",
            "no item is in enough train baskets",
            "lower min_item_baskets, or hold out fewer weeks",
        ),
        "train_baskets" => (
            "split",
            "no basket of two items is left to train on",
            "hold out fewer weeks",
        ),
        "queries" => (
            "split",
            "no held-out basket has two known items",
            "hold out more weeks, or lower prepare.min_item_baskets",
        ),
        _ => return Ok(()),
    };
    Err(SchedulerError::Spec(source.error_at(key, message, Some(help.to_owned()))).into())
}

fn outcome(manifest: &TableManifest) -> StepOutcome {
    StepOutcome::Table {
        version: manifest.version.clone(),
        rows: manifest.rows,
        bytes: manifest.bytes,
        parts: manifest.files.len() as u32,
        digest: manifest.digest.clone(),
    }
}

/// Tells how far a job is, not too often.
fn progress(run: &StepRun) -> impl FnMut(JobProgress) + Send + '_ {
    let mut last: Option<Instant> = None;
    move |now| {
        if last.is_none_or(|l| l.elapsed() >= TOLD) {
            last = Some(Instant::now());
            run.tell(RunEventKind::StepProgress {
                step: run.step.clone(),
                done: now.done,
                total: now.total,
                rows: 0,
                rate: 0.0,
            });
        }
    }
}

/// The table's SQL over its inputs, with its parameters filled in.
async fn query(
    jobs: &Jobs,
    context: &SessionContext,
    plan: &RunPlan,
    table: &TablePlan,
) -> Result<LogicalPlan, SchedulerError> {
    for (name, version) in &table.tables {
        jobs.register(context, name, version).await?;
    }
    for name in &table.raw {
        let Some(files) = plan.source.raw.get(name) else {
            return Err(SchedulerError::Failed(format!(
                "the plan lacks the raw relation {name}"
            )));
        };
        let list = files.list();
        if list.is_empty() {
            return Err(SchedulerError::Failed(format!(
                "no file matches `{}/{}` any more",
                files.folder, files.pattern
            )));
        }
        context.register_table(
            name.as_str(),
            std::sync::Arc::new(RawRelation::new(list, files.format, files.columns.clone())),
        )?;
    }
    let frame = context.sql(&table.sql).await?;
    let frame = match table.values() {
        None => frame,
        Some(values) => frame.with_param_values(values)?,
    };
    Ok(frame.into_optimized_plan()?)
}

/// Has an executor write raw files.
pub async fn generate(run: &StepRun, spec: &GenerateSpec, dir: &str) -> StepResult {
    let header = match spec.header {
        CsvHeader::Newer => generator::HeaderVariant::Newer,
        CsvHeader::Older => generator::HeaderVariant::Older,
    };
    let spec = generator::GenerateSpec {
        customers: spec.customers,
        weeks: spec.weeks,
        seed: spec.seed,
        header,
        gzip: spec.gzip,
        bad_row_share: spec.bad_row_share,
    };
    let there = marker(dir).filter(|m| m.spec == spec);
    let skipped = there.is_some();
    if !skipped {
        let jobs = &run.context.jobs;
        let context = jobs.context()?;
        let input = relation::paths(&[dir.to_owned()], 1)?;
        let op = EngineOp::Generate(Generate {
            spec: spec.clone(),
            dir: dir.to_owned(),
        });
        jobs.run(
            "generate",
            &context,
            std::sync::Arc::new(EngineExec::try_new(op, input)?),
            &run.cancel,
            |_| {},
        )
        .await?;
    }
    let made = there.or_else(|| marker(dir).filter(|m| m.spec == spec));
    let made = made.ok_or_else(|| {
        SchedulerError::Unavailable(format!(
            "`{dir}` has no generated files; is it on storage that executors share?"
        ))
    })?;
    Ok((
        StepOutcome::Generated {
            files: made.files,
            rows: made.rows,
            bytes: made.bytes,
        },
        skipped,
    ))
}
