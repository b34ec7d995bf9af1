//! Makes a table version, unless it is there; and generates raw files.

use std::time::{Duration, Instant};

use datafusion::logical_expr::LogicalPlan;
use datafusion::prelude::SessionContext;
use pannier_engine::exec::{EngineExec, EngineOp};
use pannier_engine::generate as generator;
use pannier_engine::ops::generate::{Generate, marker};
use pannier_engine::raw::{RawPiece, RawRelation, relation};
use pannier_engine::table::{TableTarget, commit, manifest_columns, write_plan};
use pannier_proto::event::{Operator, RunEventKind, StepOutcome};
use pannier_proto::ids::BUILD_ID;
use pannier_proto::manifest::{TableLineage, TableManifest};
use pannier_proto::objects;
use pannier_proto::spec::{CsvHeader, GenerateSpec};

use super::check::manifest;
use super::narrow::make_pieces;
use super::{StepFailure, StepResult};
use crate::driver::StepRun;
use crate::error::SchedulerError;
use crate::jobs::{JobProgress, Jobs, read_only};
use crate::layout::{ContentPiece, RawFiles, content_pieces};
use crate::plan::{RunPlan, TablePlan};

/// Between two progress events of a step.
const TOLD: Duration = Duration::from_millis(100);

/// Makes a table.
pub async fn make(run: &StepRun, table: &TablePlan) -> StepResult {
    let jobs = &run.context.jobs;
    let warehouse = jobs.warehouse();
    let path = objects::table_manifest(&table.name, &table.version);
    if let Some(manifest) = warehouse.find_json::<TableManifest>(&path).await? {
        complete(run, table, &manifest).await?;
        return Ok((outcome(&manifest), true));
    }
    let (target, query) = if table.narrow {
        make_pieces(run, table).await?
    } else {
        make_parts(run, table).await?
    };
    let lineage = TableLineage {
        sql: table.sql.clone(),
        inputs: inputs(&run.record.plan, table),
        build: BUILD_ID.to_owned(),
    };
    let manifest = commit(warehouse, &target, manifest_columns(&query), lineage).await?;
    enough(run, &manifest)?;
    complete(run, table, &manifest).await?;
    Ok((outcome(&manifest), false))
}

/// Makes every part of a table whose rows go to parts by key.
async fn make_parts(
    run: &StepRun,
    table: &TablePlan,
) -> Result<(TableTarget, LogicalPlan), SchedulerError> {
    let jobs = &run.context.jobs;
    let context = jobs.context()?;
    let (query, inputs) = query(jobs, &context, &run.record.plan, table).await?;
    let target = table.target(&jobs.warehouse().root());
    let plan = write_plan(&context.state(), query.clone(), &target, &inputs).await?;
    let ran = jobs
        .run(&table.name, &context, plan, &run.cancel, progress(run))
        .await;
    if let Err(changed) = at_rest(&run.record.plan, table).await {
        // Parts of other files than the version says must not be found by who makes it later.
        let made = objects::table_dir(&table.name, &table.version);
        jobs.warehouse().delete_all(&made).await?;
        return Err(changed);
    }
    tell_operators(run, ran?);
    Ok((target, query))
}

/// The paths of a raw relation's files, in which the run was planned.
///
/// # Errors
/// Where one of the files is gone or changed.
pub async fn raw_paths(plan: &RunPlan, raw: &str) -> Result<Vec<String>, SchedulerError> {
    let files = plan.raw(raw)?.clone();
    tokio::task::spawn_blocking(move || files.unchanged())
        .await
        .map_err(|e| SchedulerError::Failed(e.to_string()))?
}

/// Looks whether the files that a table was made of stayed what they were.
///
/// # Errors
/// As [`raw_paths`].
pub async fn at_rest(plan: &RunPlan, table: &TablePlan) -> Result<(), SchedulerError> {
    for raw in &table.raw {
        raw_paths(plan, raw).await?;
    }
    Ok(())
}

/// A raw relation, its files, and the pieces of those.
pub type Raw = (String, RawFiles, Vec<ContentPiece>);

/// The raw relations that a table reads, in the files that the run was planned with.
///
/// # Errors
/// Where one of the files is gone or changed.
pub async fn raw_pieces(plan: &RunPlan, table: &TablePlan) -> Result<Vec<Raw>, SchedulerError> {
    let (mut relations, mut first) = (Vec::with_capacity(table.raw.len()), 0);
    for name in &table.raw {
        let files = plan.raw(name)?.clone();
        let cut = tokio::task::spawn_blocking(move || {
            content_pieces(&files, first).map(|pieces| (files, pieces))
        });
        let (files, pieces) = cut
            .await
            .map_err(|e| SchedulerError::Failed(e.to_string()))??;
        first += pieces.len() as u32;
        relations.push((name.clone(), files, pieces));
    }
    Ok(relations)
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
    if manifest.rows > 0 || !run.record.plan.spec.learns() {
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

/// A spec's own splits must have every basket: `split_of` takes one that they lack for training.
async fn complete(
    run: &StepRun,
    table: &TablePlan,
    made: &TableManifest,
) -> Result<(), StepFailure> {
    if table.name != "splits" || table.own.is_none() {
        return Ok(());
    }
    let (rows, baskets) = (made.rows, manifest(run, "basket_items").await?.rows);
    if rows == baskets {
        return Ok(());
    }
    Err(SchedulerError::Failed(format!(
        "the spec's own `splits` has {rows} rows and there are {baskets} baskets; give each basket of `basket_items` one row, and leave baskets out in a `basket_items` of your own"
    ))
    .into())
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

/// Tells what a job's operators cost.
pub fn tell_operators(run: &StepRun, operators: Vec<Operator>) {
    let step = run.step.clone();
    run.tell(RunEventKind::Operators { step, operators });
}

/// Tells how far a job is, once something of it is done, and not too often.
pub fn progress(run: &StepRun) -> impl FnMut(JobProgress) + Send + '_ {
    let mut last: Option<Instant> = None;
    move |now| {
        if now.done > 0 && last.is_none_or(|l| l.elapsed() >= TOLD) {
            last = Some(Instant::now());
            run.tell(RunEventKind::StepProgress {
                step: run.step.clone(),
                done: now.done,
                total: now.total,
                rows: 0,
                rate: 0.0,
                stall_share: None,
            });
        }
    }
}

/// The table's SQL over its inputs, with its parameters filled in; and the tables it reads.
async fn query(
    jobs: &Jobs,
    context: &SessionContext,
    plan: &RunPlan,
    table: &TablePlan,
) -> Result<(LogicalPlan, Vec<TableManifest>), SchedulerError> {
    let mut inputs = Vec::with_capacity(table.tables.len());
    for (name, version) in &table.tables {
        inputs.push(jobs.register(context, name, version).await?);
    }
    for (name, files, pieces) in raw_pieces(plan, table).await? {
        let pieces = pieces.into_iter().map(|p| p.piece).collect();
        let relation = RawRelation::new(pieces, files.form, files.columns);
        context.register_table(name, std::sync::Arc::new(relation))?;
    }
    let frame = context.sql_with_options(&table.sql, read_only()).await?;
    Ok((table.fill(frame)?.into_optimized_plan()?, inputs))
}

/// Has an executor write raw files.
pub async fn generate(run: &StepRun, spec: &GenerateSpec, dir: &str) -> StepResult {
    let header = match spec.header {
        CsvHeader::Newer => generator::HeaderVariant::Newer,
        CsvHeader::Older => generator::HeaderVariant::Older,
    };
    let layout = &run.record.plan.spec.source.layout;
    let layout = generator::GenerateLayout::from_name(layout).ok_or_else(|| {
        SchedulerError::Failed(format!("this build cannot generate the layout {layout}"))
    })?;
    let spec = generator::GenerateSpec {
        layout,
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
        let folder = RawPiece {
            path: dir.to_owned(),
            part: 0,
            first_row: 0,
            rows: None,
        };
        let input = relation::dealt(&[folder], 1)?;
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
