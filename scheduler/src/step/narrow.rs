//! Makes a narrow table: only the pieces that no version has yet, each named by what it is made
//! of. So a new weekly file costs that file, and a run that broke off keeps the pieces it made.
//! Where another table is made of the same pieces, those are read once for both.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use datafusion::catalog::TableProvider;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::prelude::SessionContext;
use pannier_engine::catalog;
use pannier_engine::narrow::{Narrow, empty, narrow};
use pannier_engine::raw::RawRelation;
use pannier_engine::table::{TableTarget, narrow_plan, parts};
use pannier_engine::together::together;
use pannier_engine::warehouse::Warehouse;
use pannier_proto::ids::{BUILD_ID, digest_of};
use pannier_proto::manifest::{ManifestFile, TableManifest};
use pannier_proto::objects;

use super::table::{at_rest, progress, raw_pieces, tell_operators};
use crate::driver::StepRun;
use crate::error::SchedulerError;
use crate::layout::{ContentPiece, RawFiles};
use crate::plan::TablePlan;

/// Something that a narrow table reads.
enum Input {
    Raw(RawFiles, Vec<ContentPiece>),
    Table(TableManifest, u32),
}

impl Input {
    /// Name of the content of each piece, by the piece's number.
    fn contents(&self) -> Vec<(u32, &str)> {
        match self {
            Self::Raw(_, pieces) => {
                let pieces = pieces.iter();
                pieces.map(|p| (p.piece.part, p.content.as_str())).collect()
            }
            Self::Table(manifest, first) => {
                let files = manifest.files.iter();
                files.map(|f| (first + f.part, f.digest.as_str())).collect()
            }
        }
    }

    /// Pieces, those without rows included.
    fn count(&self) -> u32 {
        match self {
            Self::Raw(_, pieces) => pieces.len() as u32,
            Self::Table(manifest, _) => manifest.parts,
        }
    }

    /// Makes the wanted pieces a relation of the session.
    fn register(
        &self,
        context: &SessionContext,
        warehouse: &Warehouse,
        name: &str,
        wanted: &BTreeSet<u32>,
    ) -> Result<(), SchedulerError> {
        match self {
            Self::Raw(files, pieces) => {
                let pieces = pieces.iter().map(|p| p.piece.clone());
                let pieces: Vec<_> = pieces.filter(|p| wanted.contains(&p.part)).collect();
                let nothing = pieces.is_empty();
                let relation = RawRelation::new(pieces, files.form.clone(), files.columns.clone());
                if nothing {
                    context.register_table(name, empty(&relation.schema())?)?;
                } else {
                    context.register_table(name, Arc::new(relation))?;
                }
            }
            Self::Table(manifest, first) => {
                let table = catalog::pieces(warehouse, manifest, *first, wanted)?;
                context.register_table(name, table)?;
            }
        }
        Ok(())
    }
}

/// Makes every part of the table that is not there; the target with the names of all parts, and
/// the query, which tells the columns.
pub async fn make_pieces(
    run: &StepRun,
    table: &TablePlan,
) -> Result<(TableTarget, LogicalPlan), SchedulerError> {
    let making = Making::of(run, table).await?;
    if making.missing.is_empty() {
        return Ok((making.target, making.whole.query));
    }
    let wanted: BTreeSet<u32> = making.missing.keys().copied().collect();
    let (context, plan) = making.physical(run, &wanted).await?;
    let with = beside(run, &making, &wanted, &plan).await?;
    let (plan, other) = match with {
        Some((plan, other)) => (plan, Some(other)),
        None => (plan, None),
    };
    let jobs = &run.context.jobs;
    let ran = jobs
        .run(&table.name, &context, plan, &run.cancel, progress(run))
        .await;
    let made = || std::iter::once(&making).chain(&other);
    if let Err(changed) = at_rest(&run.record.plan, table).await {
        for making in made() {
            making.forget(jobs.warehouse(), &wanted).await?;
        }
        return Err(changed);
    }
    tell_operators(run, ran?);
    for making in made() {
        making.note_empty(jobs.warehouse(), &wanted).await?;
    }
    Ok((making.target, making.whole.query))
}

/// The table that is to be made together with this one, where it lacks the same pieces; and the plan
/// that makes them of both.
async fn beside<'p>(
    run: &'p StepRun,
    making: &Making<'_>,
    wanted: &BTreeSet<u32>,
    plan: &Arc<dyn ExecutionPlan>,
) -> Result<Option<(Arc<dyn ExecutionPlan>, Making<'p>)>, SchedulerError> {
    let other = making.table.together.as_ref();
    let other = other.and_then(|name| run.record.plan.table(name));
    let Some(other) = other.filter(|other| other.narrow) else {
        return Ok(None);
    };
    let other = Making::of(run, other).await?;
    if !wanted.iter().all(|part| other.missing.contains_key(part)) {
        return Ok(None);
    }
    let (_, beside) = other.physical(run, wanted).await?;
    Ok(together(plan, &beside)?.map(|both| (both, other)))
}

/// A narrow table on its way.
struct Making<'p> {
    table: &'p TablePlan,
    inputs: BTreeMap<String, Input>,
    /// The query over all pieces.
    whole: Narrow,
    /// The target, with the names of all parts.
    target: TableTarget,
    /// Parts that are not there.
    missing: BTreeMap<u32, String>,
}

impl<'p> Making<'p> {
    async fn of(run: &StepRun, table: &'p TablePlan) -> Result<Self, SchedulerError> {
        let warehouse = run.context.jobs.warehouse();
        let inputs = inputs(run, table).await?;
        let (_, whole) = plan(run, table, &inputs, None).await?;
        let mut target = table.target(&warehouse.root());
        target.pieces = names(run, table, &inputs, &whole);
        target.parts = inputs.values().map(Input::count).sum();
        let there = parts(warehouse, &target).await?;
        let mut missing = target.pieces.clone();
        missing.retain(|part, _| !there.contains_key(part));
        Ok(Self {
            table,
            inputs,
            whole,
            target,
            missing,
        })
    }

    /// The plan that writes some parts, and the context that it was made in.
    async fn physical(
        &self,
        run: &StepRun,
        parts: &BTreeSet<u32>,
    ) -> Result<(SessionContext, Arc<dyn ExecutionPlan>), SchedulerError> {
        let wanted = Wanted {
            over: &self.whole.over,
            parts,
        };
        let (context, narrow) = plan(run, self.table, &self.inputs, Some(&wanted)).await?;
        let plan = narrow_plan(&context.state(), narrow, &self.target).await?;
        Ok((context, plan))
    }

    /// Takes back notes of parts: pieces of other content than their names say must not be found by
    /// a later run.
    async fn forget(
        &self,
        warehouse: &Warehouse,
        parts: &BTreeSet<u32>,
    ) -> Result<(), SchedulerError> {
        for piece in parts.iter().filter_map(|part| self.missing.get(part)) {
            let note = objects::piece_note(&self.table.name, piece);
            warehouse.delete(&note).await?;
        }
        Ok(())
    }

    /// A piece of which no row is left has a note as well, or it would be made again.
    async fn note_empty(
        &self,
        warehouse: &Warehouse,
        parts: &BTreeSet<u32>,
    ) -> Result<(), SchedulerError> {
        for part in parts {
            let Some(piece) = self.missing.get(part) else {
                continue;
            };
            let nothing = ManifestFile {
                path: String::new(),
                part: *part,
                rows: 0,
                bytes: 0,
                row_groups: Vec::new(),
                digest: String::new(),
            };
            let note = objects::piece_note(&self.table.name, piece);
            warehouse.put_json_if_absent(&note, &nothing).await?;
        }
        Ok(())
    }
}

/// What the table reads, pieces numbered one relation after the other.
async fn inputs(
    run: &StepRun,
    table: &TablePlan,
) -> Result<BTreeMap<String, Input>, SchedulerError> {
    let (mut inputs, mut first) = (BTreeMap::new(), 0);
    for (name, files, pieces) in raw_pieces(&run.record.plan, table).await? {
        first += pieces.len() as u32;
        inputs.insert(name, Input::Raw(files, pieces));
    }
    for (name, version) in &table.tables {
        let path = objects::table_manifest(name, version);
        let manifest: TableManifest = run.context.jobs.warehouse().get_json(&path).await?;
        let parts = manifest.parts;
        inputs.insert(name.clone(), Input::Table(manifest, first));
        first += parts;
    }
    Ok(inputs)
}

/// Parts that are to be made.
struct Wanted<'a> {
    over: &'a BTreeSet<String>,
    parts: &'a BTreeSet<u32>,
}

/// The table's query over the wanted pieces, or all. What it looks things up in is always whole.
async fn plan(
    run: &StepRun,
    table: &TablePlan,
    inputs: &BTreeMap<String, Input>,
    wanted: Option<&Wanted<'_>>,
) -> Result<(SessionContext, Narrow), SchedulerError> {
    let jobs = &run.context.jobs;
    let context = jobs.narrow_context()?;
    for (name, input) in inputs {
        let all = || input.contents().into_iter().map(|(part, _)| part).collect();
        let parts = match wanted {
            Some(wanted) if wanted.over.contains(name) => wanted.parts.clone(),
            _ => all(),
        };
        input.register(&context, jobs.warehouse(), name, &parts)?;
    }
    let query = table
        .fill(context.sql(&table.sql).await?)?
        .into_unoptimized_plan();
    let narrow = narrow(query).map_err(|e| {
        SchedulerError::Failed(format!(
            "table {} cannot be made piece by piece: {}",
            table.name,
            e.strip_backtrace()
        ))
    })?;
    Ok((context, narrow))
}

/// Names of the parts: by the table's recipe, what it looks things up in, and the piece's content.
fn names(
    run: &StepRun,
    table: &TablePlan,
    inputs: &BTreeMap<String, Input>,
    narrow: &Narrow,
) -> BTreeMap<u32, String> {
    let version = |name: &String| {
        let table = table.tables.get(name).cloned();
        table.unwrap_or_else(|| run.record.plan.source.version.clone())
    };
    let beside: BTreeMap<&String, String> = narrow.beside.iter().map(|n| (n, version(n))).collect();
    let columns: Vec<_> = inputs
        .values()
        .map(|i| match i {
            Input::Raw(files, _) => Some((&files.columns, &files.form)),
            Input::Table(..) => None,
        })
        .collect();
    let recipe = digest_of(&(
        &table.name,
        &table.sql,
        &table.params,
        beside,
        columns,
        table.row_group_rows,
        BUILD_ID,
    ));
    let over = inputs
        .iter()
        .filter(|(name, _)| narrow.over.contains(*name));
    over.flat_map(|(name, input)| {
        let contents = input.contents().into_iter();
        let recipe = &recipe;
        contents.map(move |(part, content)| (part, digest_of(&(recipe, name, content))))
    })
    .collect()
}
