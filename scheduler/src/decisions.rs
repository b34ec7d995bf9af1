//! Tables of decisions as models read them: which columns are context, and whether a spec's params fit
//! them before any work starts. Pure; reads nothing.

use std::collections::BTreeMap;

use datafusion::arrow::datatypes::{DataType, SchemaRef};
use pannier_proto::manifest::TableManifest;
use pannier_proto::spec::{ModelSpec, SpecError, SpecProblem, SpecSource, WideDeepParams};

use crate::check::hint;
use crate::error::SchedulerError;
use crate::plan::{RunPlan, StepKind};

/// What every model of decisions reads of one, before its context.
pub const ASKED: [&str; 4] = ["user_idx", "item_idx", "category_idx", LABEL];
/// The price: part of every context, and the item's own where none is told.
pub const PRICE: &str = "price";
const LABEL: &str = "label";

/// Whether a column is context.
fn is_context(name: &str, is_float: bool) -> bool {
    is_float && name != LABEL
}

/// The context of a table version of decisions.
#[must_use]
pub fn context_of(table: &TableManifest) -> Vec<String> {
    let float = DataType::Float32.to_string();
    let columns = table.columns.iter();
    columns
        .filter(|column| is_context(&column.name, column.data_type == float))
        .map(|column| column.name.clone())
        .collect()
}

/// Fills in the context of models that name none, and holds all others, and crosses, against the columns
/// of the decisions.
///
/// # Errors
/// `Spec` at the keys of what the decisions have not.
pub fn fit(
    source: &SpecSource,
    plan: &mut RunPlan,
    schemas: &BTreeMap<String, SchemaRef>,
) -> Result<(), SchedulerError> {
    // What is wrong with a table's own SQL is said where the table is made.
    let (Some(made), Some(users)) = (
        schemas.get("train_decisions"),
        schemas.get("decision_users"),
    ) else {
        return Ok(());
    };
    let fields = made.fields().iter();
    let there: Vec<String> = fields
        .filter(|field| is_context(field.name(), field.data_type() == &DataType::Float32))
        .map(|field| field.name().clone())
        .collect();
    let lacks = |name: &&String| *name != PRICE && users.column_with_name(name).is_none();
    let missing: Vec<&String> = there.iter().filter(lacks).collect();
    let trains = plan.spec.train.clone();
    let mut problems = Vec::new();
    for step in &mut plan.steps {
        let StepKind::Train(train) = &mut step.kind else {
            continue;
        };
        let at = trains.iter().position(|t| t.name == train.name);
        let key = format!("train[{}]", at.unwrap_or_default());
        let ModelSpec::WideDeep(params) = &mut train.model else {
            continue;
        };
        problems.extend(complaints(source, &key, params, &there));
        if params.context.is_empty() {
            params.context.clone_from(&there);
        }
        let asked = missing.iter().find(|name| params.context.contains(name));
        if let Some(name) = asked {
            let message =
                format!("the table decision_users has no `{name}`, which is context of decisions");
            let help = "select it there too: what it is for a user of whom nothing is told";
            let key = format!("{key}.model");
            problems.extend(source.error_at(&key, message, Some(help.into())).problems);
        }
    }
    SpecError::from_problems(problems).map_or(Ok(()), |error| Err(error.into()))
}

/// What a model's params say of the decisions that is not so.
fn complaints(
    source: &SpecSource,
    key: &str,
    params: &WideDeepParams,
    there: &[String],
) -> Vec<SpecProblem> {
    let names = || there.iter().map(String::as_str);
    let mut found = Vec::new();
    let mut complain = |key: String, message: String, help: Option<String>| {
        found.extend(source.error_at(&key, message, help).problems);
    };
    if there.is_empty() {
        let message = "the decisions have no context".to_owned();
        let help = "a column of type Float32 of the table decisions, the price at least, is one";
        complain(format!("{key}.model"), message, Some(help.into()));
        return found;
    }
    for (at, name) in params.context.iter().enumerate() {
        if !there.contains(name) {
            let message = format!("the decisions have no `{name}` of type Float32");
            let help = hint(name, names(), "their context is");
            complain(format!("{key}.params.context[{at}]"), message, help);
        }
    }
    let known = |name: &String| {
        let chosen = params.context.is_empty() || params.context.contains(name);
        WideDeepParams::CROSSED.contains(&name.as_str()) || (chosen && there.contains(name))
    };
    for (at, pair) in params.crosses.iter().enumerate() {
        if let Some(name) = pair.iter().find(|name| !known(name)) {
            let message = format!("`{name}` is nothing that can be crossed");
            let all = WideDeepParams::CROSSED.into_iter().chain(names());
            let help = hint(name, all, "there are");
            complain(format!("{key}.params.crosses[{at}]"), message, help);
        }
    }
    found
}
