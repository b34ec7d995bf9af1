//! Which tables a run makes before anything is learned, and the checks between them. Pure.

use std::collections::BTreeSet;

use pannier_proto::spec::{CheckSpec, RunSpec};

use super::checks::{LINES, STAGED, checks, lines};
use super::table::Tables;
use super::{StepKind, StepPlan, ids, learn};
use crate::check;
use crate::error::SchedulerError;
use crate::layout::{Defs, Layout, Source, TableDef};

/// The steps up to the checks of the source, and the checks that are left: those of what is made of it.
pub fn staged(
    spec: &RunSpec,
    layout: &Layout,
    defs: &Defs,
    source: &Source,
    tables: &mut Tables<'_>,
) -> Result<(Vec<StepPlan>, Vec<CheckSpec>), SchedulerError> {
    let mut steps: Vec<StepPlan> = generate(spec, source).into_iter().collect();
    let generated = ids(&steps);
    let staged = [layout.read_once(), defs.staged.clone()].concat();
    steps.extend(tables.plan(&staged, &generated)?);
    let after: Vec<String> = staged.iter().map(|t| format!("table:{}", t.name)).collect();
    // Nothing is split or learned before the source's checks have passed, and no trainer is booked
    // before those of its inputs have.
    let is_staged = |table: &str| staged.iter().any(|t| t.name == table);
    let is_input = |table: &str| defs.learned.iter().any(|t| t.name == table);
    let (inputs, sources): (Vec<CheckSpec>, Vec<CheckSpec>) = checks(spec, layout, &defs.check)
        .into_iter()
        .partition(|check| {
            let reads = check::reads(&check.rule);
            reads.iter().any(|t| is_input(t) && !is_staged(t))
        });
    steps.push(StepPlan {
        id: STAGED.to_owned(),
        after: after.clone(),
        kind: StepKind::Checks { checks: sources },
    });
    steps.push(lines(spec, layout, after));
    Ok((steps, inputs))
}

/// The steps that make tables of the staged ones, after `steps`: those that only gather wait for the
/// source's files alone, the others for its checks.
pub fn learned(
    defs: Vec<TableDef>,
    tables: &mut Tables<'_>,
    steps: &[StepPlan],
) -> Result<Vec<StepPlan>, SchedulerError> {
    let (gathered, learned): (Vec<_>, Vec<_>) = defs.into_iter().partition(|def| def.gathers);
    let generated = steps.iter();
    let generated = generated.filter(|s| matches!(s.kind, StepKind::Generate { .. }));
    let generated: Vec<String> = generated.map(|s| s.id.clone()).collect();
    let mut made = tables.plan(&gathered, &generated)?;
    made.extend(tables.plan(&learned, &[STAGED, LINES].map(str::to_owned))?);
    Ok(made)
}

/// What is made of the staged tables: what only models are fed with is left out where nothing in the
/// run reads it.
pub fn needed(spec: &RunSpec, defs: &Defs) -> Vec<TableDef> {
    let by_checks = spec.check.iter().flat_map(|c| check::reads(&c.rule));
    let by_feeds = spec.feed.iter().flat_map(|f| {
        let vocab = f.needs_counts().then(|| "vocab".to_owned());
        std::iter::once(f.table().to_owned()).chain(vocab)
    });
    let by_models = learn::reads(spec).into_iter().map(str::to_owned);
    let read = by_checks.chain(by_feeds).chain(by_models).collect();
    let always = |def: &TableDef| !def.training || def.own.is_some();
    read_by(&defs.learned, read, always)
}

/// Of some tables, each after those it reads, those that are read, by name or by another of them, or
/// made `always`.
pub fn read_by(
    all: &[TableDef],
    mut read: BTreeSet<String>,
    always: impl Fn(&TableDef) -> bool,
) -> Vec<TableDef> {
    let mut needed: Vec<TableDef> = Vec::new();
    for def in all.iter().rev() {
        if always(def) || read.contains(&def.name) {
            read.extend(def.reads.iter().cloned());
            needed.push(def.clone());
        }
    }
    needed.reverse();
    needed
}

/// The step that writes the raw files, where the spec asks for them.
fn generate(spec: &RunSpec, source: &Source) -> Option<StepPlan> {
    let generate = spec.source.generate.clone()?;
    let dir = source
        .raw
        .values()
        .next()
        .map(|f| f.folder())
        .unwrap_or_default();
    let kind = StepKind::Generate {
        spec: generate,
        dir,
    };
    Some(StepPlan {
        id: "generate".into(),
        after: Vec::new(),
        kind,
    })
}
