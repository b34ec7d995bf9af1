//! People's SQL: from text to a plan that reads committed tables and does nothing else.
//!
//! One query is parsed, the tables it names are looked up in the catalog, it is planned and
//! optimised, and then both plans are verified: whatever the planner made of the text, only scans
//! of those tables' files and operators and functions that are known to touch nothing else go to
//! an executor. Nothing here runs a plan.

mod catalog;
mod verify;

use std::sync::Arc;

use datafusion::catalog::{MemorySchemaProvider, TableProvider};
use datafusion::common::TableReference;
use datafusion::error::DataFusionError;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::prelude::SessionContext;
use datafusion::sql::parser::{DFParserBuilder, Statement};
use datafusion::sql::sqlparser::ast;
use pannier_engine::warehouse::Warehouse;
use pannier_engine::{catalog as engine, session};

pub use catalog::Catalog;

use crate::error::SchedulerError;
use crate::store::Store;
use verify::Verifier;

/// The schema that tables may be named with: `tables.baskets`.
const SCHEMA: &str = "tables";

/// A query that may run.
pub struct Query {
    /// Its session.
    pub context: SessionContext,
    /// Its verified plan.
    pub plan: Arc<dyn ExecutionPlan>,
}

/// Plans a query over the catalog and verifies it. At most `limit` rows and one more are made,
/// so that it shows whether the limit cut any off.
///
/// # Errors
/// `Sql` where the text is wrong, names a table that is not there, or would do more than read.
pub async fn plan(
    store: &Store,
    warehouse: &Warehouse,
    text: &str,
    limit: Option<u64>,
) -> Result<Query, SchedulerError> {
    let context = SessionContext::new_with_state(session::state(session::config(), warehouse)?);
    let state = context.state();
    let statement = only_query(text)?;
    let references = state.resolve_table_references(&statement).map_err(wrong)?;
    let mut verifier = Verifier::new(&state);
    if !references.is_empty() {
        named_schema(&context)?;
        let catalog = Catalog::new(store, warehouse);
        let current = catalog.current().await?;
        for reference in references {
            let name = table_name(&reference)?;
            let found = catalog.manifest(name, &current).await;
            let manifest = found.map_err(|e| match e {
                SchedulerError::NotFound(text) => SchedulerError::Sql(text),
                other => other,
            })?;
            let table: Arc<dyn TableProvider> = engine::table(warehouse, &manifest)?;
            verifier.allow(warehouse, &manifest, Arc::clone(&table))?;
            context.register_table(reference, table)?;
        }
    }
    let state = context.state();
    let query = state.statement_to_plan(statement).await.map_err(wrong)?;
    // Before the optimiser runs any part of it, and after.
    verifier.logical(&query)?;
    let frame = datafusion::dataframe::DataFrame::new(state.clone(), query);
    let frame = match limit {
        Some(most) => {
            let most = usize::try_from(most).unwrap_or(usize::MAX);
            frame
                .limit(0, Some(most.saturating_add(1)))
                .map_err(wrong)?
        }
        None => frame,
    };
    let query = frame.into_optimized_plan().map_err(wrong)?;
    verifier.logical(&query)?;
    let planner = Arc::clone(state.query_planner());
    let plan = planner.create_physical_plan(&query, &state).await;
    let plan = plan.map_err(wrong)?;
    verifier.physical(&plan)?;
    Ok(Query { context, plan })
}

/// The one query of a text.
fn only_query(text: &str) -> Result<Statement, SchedulerError> {
    let parser = DFParserBuilder::new(text).with_recursion_limit(50).build();
    let statements = parser.and_then(|mut p| p.parse_statements());
    let mut statements = statements.map_err(wrong)?;
    let (Some(statement), None) = (statements.pop_front(), statements.pop_front()) else {
        return Err(SchedulerError::Sql(
            "give one query: none or several are not served".into(),
        ));
    };
    match &statement {
        Statement::Statement(inner) if matches!(**inner, ast::Statement::Query(_)) => Ok(statement),
        other => {
            let text = other.to_string();
            let word = text.split_whitespace().next().unwrap_or_default();
            Err(SchedulerError::Sql(format!(
                "`{word}` is not served: only queries that give rows of the tables are (select, with, values)"
            )))
        }
    }
}

/// The catalog's name for a reference, for example `baskets@0123`.
fn table_name(reference: &TableReference) -> Result<&str, SchedulerError> {
    match reference {
        TableReference::Bare { table } => Ok(table),
        TableReference::Partial { schema, table } if &**schema == SCHEMA => Ok(table),
        other => Err(SchedulerError::Sql(format!(
            "there is no table `{other}`; tables are named like baskets, tables.baskets or baskets@<version>"
        ))),
    }
}

fn named_schema(context: &SessionContext) -> Result<(), SchedulerError> {
    let names = context.catalog_names();
    let catalog = names.first().and_then(|name| context.catalog(name));
    let catalog =
        catalog.ok_or_else(|| SchedulerError::Failed("the session has no catalog".into()))?;
    catalog.register_schema(SCHEMA, Arc::new(MemorySchemaProvider::new()))?;
    Ok(())
}

/// What the parser or planner says of a text.
fn wrong(error: DataFusionError) -> SchedulerError {
    let text = error.strip_backtrace();
    SchedulerError::Sql(text.trim_end_matches('.').to_owned())
}

#[cfg(test)]
mod tests;
