//! Holds checks, and through `feeds` the feeds, against the columns of the tables that a plan will make, before it makes any. A
//! check of the spec that fits none is an error at its key; a layout's default that speaks of a
//! table or column that this run does not have (its SQL may be the user's own) does not apply.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::common::TableReference;
use datafusion::datasource::empty::EmptyTable;
use datafusion::prelude::SessionContext;
use pannier_engine::raw::RawRelation;
use pannier_engine::session;
use pannier_engine::warehouse::Warehouse;
use pannier_proto::spec::{
    Against, CheckRule, CheckSpec, DriftOf, RowTest, SpecError, SpecSource, TableNumber, nearest,
};

use super::compile::compile;
use super::reads;
use crate::decisions;
use crate::error::SchedulerError;
use crate::feeds;
use crate::jobs::read_only;
use crate::plan::{RunPlan, StepKind};

/// A complaint about a check: its key, what is wrong, and what to do.
type Wrong = (String, String, Option<String>);

/// Leaves in the plan the checks that fit its tables, and fills in what feeds and models of decisions
/// read of them.
///
/// # Errors
/// `Spec` for the spec's own checks, feeds and params that do not fit.
pub async fn fit(
    source: &SpecSource,
    plan: &mut RunPlan,
    warehouse: &Warehouse,
) -> Result<(), SchedulerError> {
    let tables = Tables::of(plan, warehouse).await?;
    feeds::fit(source, plan, &tables.schemas).await?;
    decisions::fit(source, plan, &tables.schemas)?;
    let mut problems = Vec::new();
    let own = plan.spec.check.clone();
    for step in &mut plan.steps {
        let StepKind::Checks { checks } = &mut step.kind else {
            continue;
        };
        let mut fitting = Vec::with_capacity(checks.len());
        for check in std::mem::take(checks) {
            match (
                tables.wrong(&check).await,
                own.iter().position(|c| *c == check),
            ) {
                (None, _) => fitting.push(check),
                (Some((key, message, help)), Some(i)) => {
                    let key = format!("check[{i}].{key}");
                    problems.extend(source.error_at(&key, message, help).problems);
                }
                (Some((_, message, _)), None) => {
                    tracing::debug!(check = %check.name, message, "a default check does not apply");
                }
            }
        }
        *checks = fitting;
    }
    SpecError::from_problems(problems).map_or(Ok(()), |error| Err(error.into()))
}

/// The tables of a plan without their rows.
struct Tables {
    context: SessionContext,
    /// Columns of each table whose SQL could be planned.
    schemas: BTreeMap<String, SchemaRef>,
    /// Every table that the plan makes.
    names: Vec<String>,
}

impl Tables {
    async fn of(plan: &RunPlan, warehouse: &Warehouse) -> Result<Self, SchedulerError> {
        let state = session::state(session::config(), warehouse)?;
        let context = SessionContext::new_with_state(state);
        for (name, files) in &plan.source.raw {
            let raw = RawRelation::new(Vec::new(), files.form.clone(), files.columns.clone());
            context.register_table(TableReference::bare(name.as_str()), Arc::new(raw))?;
        }
        let (mut schemas, mut names) = (BTreeMap::new(), Vec::new());
        for step in &plan.steps {
            let StepKind::Table(table) = &step.kind else {
                continue;
            };
            names.push(table.name.clone());
            let planned = context.sql_with_options(&table.sql, read_only()).await;
            let filled = planned.and_then(|frame| table.fill(frame));
            // What is wrong with a table's own SQL is said where the table is made.
            let Ok(frame) = filled else { continue };
            let fields = frame.schema().fields().clone();
            let schema = Arc::new(Schema::new(fields));
            let empty = Arc::new(EmptyTable::new(Arc::clone(&schema)));
            // A raw relation that is read once becomes a table of its own name.
            let name = TableReference::bare(table.name.as_str());
            context.deregister_table(name.clone())?;
            context.register_table(name, empty)?;
            schemas.insert(table.name.clone(), schema);
        }
        Ok(Self {
            context,
            schemas,
            names,
        })
    }

    /// What is wrong with a check, if anything is.
    async fn wrong(&self, check: &CheckSpec) -> Option<Wrong> {
        for (key, table) in tables_named(&check.rule) {
            if !self.names.iter().any(|name| name == table) {
                let message = format!("check `{}`: this run makes no table `{table}`", check.name);
                let known = self.names.iter().map(String::as_str);
                return Some((key.to_owned(), message, hint(table, known, "tables are")));
            }
        }
        for (key, table, column) in columns_named(&check.rule) {
            let Some(schema) = self.schemas.get(table) else {
                continue;
            };
            if schema.field_with_name(column).is_err() {
                let message = format!(
                    "check `{}`: table {table} has no column `{column}`",
                    check.name
                );
                let known = schema.fields().iter().map(|f| f.name().as_str());
                return Some((key, message, hint(column, known, "its columns are")));
            }
        }
        let unplanned = |name: &String| !self.schemas.contains_key(name);
        let read = reads(&check.rule);
        if self.names.iter().any(|n| read.contains(n) && unplanned(n)) {
            return None;
        }
        self.unplannable(check).await
    }

    /// What the planner says against the check's SQL.
    async fn unplannable(&self, check: &CheckSpec) -> Option<Wrong> {
        let key = match &check.rule {
            CheckRule::Sql { .. } => "sql",
            CheckRule::Rows {
                test: RowTest::None { .. },
                ..
            } => "where",
            CheckRule::Between {
                number: TableNumber::Value { .. },
                ..
            } => "value",
            _ => "rule",
        };
        let mut queries = Vec::new();
        // People's query by itself first: its errors are clearer than those of what is made of it.
        if let CheckRule::Sql { sql, .. } = &check.rule {
            queries.push(sql.clone());
        }
        let measures = compile(std::slice::from_ref(check), &BTreeMap::new());
        queries.extend(measures.queries.into_iter().map(|q| q.sql));
        for sql in queries {
            let planned = self.context.sql_with_options(&sql, read_only()).await;
            let state = self.context.state();
            if let Err(e) = planned.and_then(|frame| state.optimize(frame.logical_plan())) {
                let message = format!(
                    "the SQL of check `{}` is wrong: {}",
                    check.name,
                    e.strip_backtrace()
                );
                return Some((key.to_owned(), message, None));
            }
        }
        None
    }
}

/// The known word that is near, or all of them behind `say`.
pub(crate) fn hint<'n>(
    word: &str,
    known: impl Iterator<Item = &'n str> + Clone,
    say: &str,
) -> Option<String> {
    Some(match nearest(word, known.clone()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("{say} {}", known.collect::<Vec<_>>().join(", ")),
    })
}

/// Tables that a typed rule names, with the key that does.
fn tables_named(rule: &CheckRule) -> Vec<(&'static str, &str)> {
    match rule {
        CheckRule::Sql { .. } | CheckRule::RejectShare { .. } => Vec::new(),
        CheckRule::Rows { table, test, .. } => {
            let mut named = vec![("table", table.as_str())];
            if let RowTest::ForeignKey { references, .. } = test {
                named.push(("references", &references.table));
            }
            named
        }
        CheckRule::Between { table, .. }
        | CheckRule::Types { table, .. }
        | CheckRule::Drift { table, .. } => vec![("table", table)],
        CheckRule::Fresh {
            column, against, ..
        } => {
            let mut named = vec![("table", column.table.as_str())];
            if let Against::Newest(other) = against {
                named.push(("against", &other.table));
            }
            named
        }
    }
}

fn one<'r>(key: &str, table: &'r str, column: &'r str) -> Vec<(String, &'r str, &'r str)> {
    vec![(key.to_owned(), table, column)]
}

/// Columns that a typed rule names: key, table, column. `types` judges its columns itself.
fn columns_named(rule: &CheckRule) -> Vec<(String, &str, &str)> {
    match rule {
        CheckRule::Rows { table, test, .. } => match test {
            RowTest::NotNull { column }
            | RowTest::InSet { column, .. }
            | RowTest::InRange { column, .. } => one("column", table, column),
            RowTest::Unique { columns } => match columns.as_slice() {
                [column] => one("column", table, column),
                several => several
                    .iter()
                    .enumerate()
                    .map(|(i, c)| (format!("columns[{i}]"), table.as_str(), c.as_str()))
                    .collect(),
            },
            RowTest::ForeignKey { column, references } => {
                let mut named = one("column", table, column);
                named.extend(one("references", &references.table, &references.column));
                named
            }
            RowTest::None { .. } => Vec::new(),
        },
        CheckRule::Between {
            table,
            number: TableNumber::Distinct { column },
            ..
        }
        | CheckRule::Drift {
            table,
            of: DriftOf::Mean { column } | DriftOf::Unseen { column },
            ..
        } => one("column", table, column),
        CheckRule::Fresh {
            column, against, ..
        } => {
            let mut named = one("column", &column.table, &column.column);
            if let Against::Newest(other) = against {
                named.extend(one("against", &other.table, &other.column));
            }
            named
        }
        _ => Vec::new(),
    }
}
