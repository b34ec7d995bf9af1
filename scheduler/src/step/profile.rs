//! Profiles tables on the cluster: the step of a run, and what the service does for people.

use std::collections::BTreeMap;

use pannier_proto::event::{RunEventKind, StepOutcome};
use pannier_proto::manifest::TableManifest;
use pannier_proto::objects;
use pannier_proto::profile::{Profile, Shopping, TableProfile};
use pannier_proto::spec::ColumnType;
use tokio_util::sync::CancellationToken;

use super::{StepContext, StepResult, check, rows};
use crate::driver::StepRun;
use crate::error::SchedulerError;
use crate::jobs::{Jobs, read_only};
use crate::profile::{self, Column, TextRow};
use crate::store::RunRecord;

/// Tables of a source that are described.
pub const SOURCE: [&str; 3] = ["transactions", "items", "users"];

/// Profiles the source of a run. What goes wrong with it does not hold the run up: it is told.
pub async fn make(run: &StepRun) -> StepResult {
    let mut manifests = Vec::new();
    for name in SOURCE {
        if run.record.plan.table(name).is_some() {
            manifests.push(check::manifest(run, name).await?);
        }
    }
    let (found, skipped) = match earlier(&run.context, &run.record).await? {
        Some(profile) => (Ok(profile), true),
        None => {
            let jobs = &run.context.jobs;
            (tables(jobs, &manifests, &run.cancel).await, false)
        }
    };
    let profile = match found {
        Ok(profile) => profile,
        Err(error) if error.retryable() || run.cancel.is_cancelled() => return Err(error.into()),
        Err(error) => {
            run.tell(RunEventKind::Log {
                step: run.step.clone(),
                text: format!("the source cannot be profiled: {error}"),
            });
            Profile::default()
        }
    };
    let path = objects::profile(&run.record.run_id);
    let json = serde_json::to_vec(&profile)?;
    run.context.jobs.warehouse().put(&path, json).await?;
    let columns = profile.tables.iter().map(|t| t.columns.len() as u64).sum();
    let tables = profile.tables.len() as u64;
    Ok((StepOutcome::Profiled { tables, columns }, skipped))
}

/// The profile of the last succeeded run, where it was of the same tables.
async fn earlier(
    context: &StepContext,
    record: &RunRecord,
) -> Result<Option<Profile>, SchedulerError> {
    let Some(last) = context.store.last_succeeded(record)? else {
        return Ok(None);
    };
    let version = |record: &RunRecord, name| record.plan.table(name).map(|t| t.version.clone());
    if SOURCE
        .iter()
        .any(|t| version(&last, t) != version(record, t))
    {
        return Ok(None);
    }
    let path = objects::profile(&last.run_id);
    let profile: Option<Profile> = context.jobs.warehouse().find_json(&path).await?;
    Ok(profile.filter(|profile| !profile.tables.is_empty()))
}

/// Profiles table versions; `transactions` among them also says how people shop.
///
/// # Errors
/// As [`Jobs::query`].
pub async fn tables(
    jobs: &Jobs,
    manifests: &[TableManifest],
    cancel: &CancellationToken,
) -> Result<Profile, SchedulerError> {
    let mut profile = Profile::default();
    for manifest in manifests {
        let table = table(jobs, manifest, cancel).await?;
        let shops = ["user_id", "basket_id", "item_id", "ordered_at"];
        let has = |name: &&str| table.columns.iter().any(|c| c.name == **name);
        if manifest.table == "transactions" && shops.iter().all(has) {
            profile.shopping = Some(shopping(jobs, manifest, &table, cancel).await?);
        }
        profile.tables.push(table);
    }
    Ok(profile)
}

async fn table(
    jobs: &Jobs,
    manifest: &TableManifest,
    cancel: &CancellationToken,
) -> Result<TableProfile, SchedulerError> {
    let (name, about) = (
        &manifest.table,
        format!("the profile of {}", manifest.table),
    );
    let columns: Vec<Column> = manifest.columns.iter().map(Column::new).collect();
    let context = jobs.context()?;
    jobs.register(&context, name, &manifest.version).await?;
    let queries = profile::overview(name, manifest.rows, &columns);
    let queries = queries.iter().map(|sql| (about.as_str(), sql.as_str()));
    let row = rows::named(&rows::one_row(jobs, &context, queries, cancel).await?)?;
    let row = row.into_iter().next().unwrap_or_default();
    let (mut found, distinct_rows) = profile::read_overview(&columns, &row);
    if let Some(sql) = profile::top(name, &columns, &found, manifest.rows) {
        let rows = ask(jobs, &context, &sql, cancel).await?;
        profile::read_top(&mut found, &rows);
    }
    Ok(TableProfile {
        table: name.clone(),
        version: manifest.version.clone(),
        rows: manifest.rows,
        distinct_rows,
        columns: found,
    })
}

async fn shopping(
    jobs: &Jobs,
    manifest: &TableManifest,
    table: &TableProfile,
    cancel: &CancellationToken,
) -> Result<Shopping, SchedulerError> {
    let context = jobs.context()?;
    jobs.register(&context, &manifest.table, &manifest.version)
        .await?;
    let spend = manifest.columns.iter().find(|c| c.name == "spend");
    let spend = spend.is_some_and(|c| ColumnType::Decimal.fits(&c.data_type));
    let rows = ask(jobs, &context, &profile::market(spend), cancel).await?;
    let mut shopping = profile::read_market(table, &rows);
    let repeats = ask(jobs, &context, &profile::repeats(), cancel).await?;
    if let Some(row) = repeats.first() {
        shopping.repeats = profile::read_repeats(row);
    }
    Ok(shopping)
}

async fn ask(
    jobs: &Jobs,
    context: &datafusion::prelude::SessionContext,
    sql: &str,
    cancel: &CancellationToken,
) -> Result<Vec<TextRow>, SchedulerError> {
    let frame = context.sql_with_options(sql, read_only()).await?;
    let rows: Vec<BTreeMap<String, String>> = rows::named(
        &jobs
            .query(context, frame.into_unoptimized_plan(), cancel)
            .await?,
    )?;
    Ok(rows)
}
