//! What a run consists of that predicts: the tables of a model's spec made anew of its source as it is
//! now, with the vocab that the model was trained with and nothing held out, and every user's list of
//! them. Pure. It must not look for models.

use std::collections::BTreeSet;

use pannier_proto::spec::{CheckSpec, RecommendSpec, RunSpec, SplitSpec, TrainSpec};
use serde::{Deserialize, Serialize};

use super::checks::{INPUTS, input_checks};
use super::learn::histories;
use super::prepared::{learned, read_by, staged};
use super::table::Tables;
use super::{RunPlan, StepKind, StepPlan, TablePlan, ids};
use crate::check;
use crate::error::SchedulerError;
use crate::layout::{Defs, Layout, Source, TableDef};

/// What is held out where everybody is to get a list for tomorrow: nothing.
pub const NOTHING_HELD_OUT: SplitSpec = SplitSpec::User {
    test_share: 0.0,
    valid_share: 0.0,
};

const VOCAB: &str = "vocab";

/// Lists of a model that was published before.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ListsPlan {
    /// The model's name in the registry.
    pub model: String,
    /// Its version.
    pub version: u32,
    /// The run that trained it.
    pub trained_by: String,
    /// How it was trained.
    pub train: TrainSpec,
    /// How lists are written.
    pub recommend: RecommendSpec,
}

/// Plans a run that predicts. `spec` is that of the model, `vocab` the one that it was trained with.
///
/// # Errors
/// Where a layout's tables do not fit together.
pub fn predict(
    spec: RunSpec,
    layout: &Layout,
    defs: &Defs,
    source: Source,
    vocab: TablePlan,
    lists: ListsPlan,
) -> Result<RunPlan, SchedulerError> {
    let spec = RunSpec {
        split: NOTHING_HELD_OUT,
        ..spec
    };
    let mut tables = Tables::new(&spec, &source);
    tables.pin(vocab);
    let (mut steps, mut inputs) = staged(&spec, layout, defs, &source, &mut tables)?;
    let (table, _) = histories(&lists.train.model);
    let made = made_for(table, &defs.learned);
    steps.extend(learned(made, &mut tables, &steps)?);
    let made: BTreeSet<&str> = steps.iter().filter_map(table_of).collect();
    let can_hold = |check: &CheckSpec| {
        let reads = check::reads(&check.rule);
        reads.iter().all(|table| made.contains(table.as_str()))
    };
    inputs.retain(can_hold);
    steps.push(input_checks(inputs, &steps));
    let spec = without_models(spec, &lists);
    steps.push(StepPlan {
        id: format!("recommend:{}", lists.train.name),
        after: vec![INPUTS.to_owned(), format!("table:{table}")],
        kind: StepKind::Lists(lists),
    });
    steps.push(StepPlan {
        id: "report".into(),
        after: ids(&steps),
        kind: StepKind::Report,
    });
    Ok(RunPlan {
        spec,
        source,
        steps,
    })
}

/// What a table is made of, and itself. Nothing is made for the vocab, which is there.
fn made_for(table: &str, learned: &[TableDef]) -> Vec<TableDef> {
    let mut learned = learned.to_vec();
    let vocab = learned.iter_mut().filter(|def| def.name == VOCAB);
    vocab.for_each(|def| def.reads.clear());
    read_by(&learned, BTreeSet::from([table.to_owned()]), |_| false)
}

fn table_of(step: &StepPlan) -> Option<&str> {
    match &step.kind {
        StepKind::Table(table) => Some(&table.name),
        _ => None,
    }
}

/// What is left of a spec where nothing is trained. It has another name, or what is compared with the
/// run before it would be compared with a training.
fn without_models(spec: RunSpec, lists: &ListsPlan) -> RunSpec {
    let mut spec = RunSpec {
        name: format!("predict-{}", lists.model),
        feed: Vec::new(),
        train: Vec::new(),
        baseline: Vec::new(),
        publish: None,
        recommend: Some(lists.recommend.clone()),
        segments: None,
        ..spec
    };
    spec.prepare.profile = false;
    spec
}

#[cfg(test)]
mod tests;
