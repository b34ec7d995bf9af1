//! A spec's own tables: other SQL for tables that are there, and new ones. What each reads is found
//! in its SQL; tables are put in an order in which each comes after what it reads; and all of them
//! are planned against the schemas of their inputs, so that a column that a later table needs and
//! that is gone is an error before any work starts.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, SchemaRef};
use datafusion::common::{ParamValues, ScalarValue};
use datafusion::datasource::empty::EmptyTable;
use datafusion::prelude::SessionContext;
use datafusion::sql::parser::DFParser;
use datafusion::sql::resolve::resolve_table_references;
use pannier_engine::raw::schema;
use pannier_proto::spec::{RunSpec, SpecError, SpecSource, TableSpec, nearest};

use super::defs::in_order;
use super::{Common, Defs, Layout, TableDef};
use crate::error::SchedulerError;
use crate::jobs::read_only;
use crate::plan::params;

/// Tables whose columns more than SQL reads: the checks, the report, the trainers.
const READ_BY_CODE: [&str; 16] = [
    "rejects",
    "facts",
    "basket_items",
    "splits",
    "vocab",
    "train_baskets",
    "queries",
    "user_queries",
    "sequences",
    "user_kpis",
    "user_attributes",
    "decision_items",
    "decision_users",
    "train_decisions",
    "valid_decisions",
    "decision_queries",
];

/// Whose a table is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Own {
    /// The spec's SQL for a table that is there anyway.
    Replaced,
    /// The spec's alone.
    New,
}

impl Own {
    /// What a plan says of it.
    #[must_use]
    pub fn note(self) -> &'static str {
        match self {
            Self::Replaced => "replaced by the spec",
            Self::New => "of the spec",
        }
    }
}

/// Puts the spec's own tables among those of the layout and the common ones.
///
/// # Errors
/// Where SQL is wrong or reads what is not there; the error points at the key.
pub async fn merge(
    source: &SpecSource,
    spec: &RunSpec,
    layout: &Layout,
    common: Common,
    context: &SessionContext,
) -> Result<Defs, SchedulerError> {
    let Defs {
        staged,
        learned,
        check,
    } = Defs::of(layout, common);
    if spec.table.is_empty() {
        return Ok(Defs {
            staged,
            learned,
            check,
        });
    }
    let raw: Vec<String> = layout.raw.iter().map(|r| r.name.clone()).collect();
    let (mut defs, originals) = arrange(source, spec, staged, learned, &raw)?;
    defs.check = check;
    for part in &layout.raw {
        register(context, &part.name, schema(&part.columns))?;
    }
    let plans = Plans {
        source,
        spec,
        context,
        values: values(spec, &defs),
        originals: &originals,
    };
    for def in defs.staged.iter_mut().chain(&mut defs.learned) {
        let made = plans.check(def).await?;
        register(context, &def.name, made)?;
    }
    Ok(defs)
}

fn register(context: &SessionContext, name: &str, schema: SchemaRef) -> Result<(), SchedulerError> {
    context.register_table(name, Arc::new(EmptyTable::new(schema)))?;
    Ok(())
}

/// Values for all parameters that SQL may have; which version a table will have does not matter
/// to schemas.
fn values(spec: &RunSpec, defs: &Defs) -> ParamValues {
    let defs = defs.staged.iter().chain(&defs.learned);
    let versions = defs.map(|def| (format!("{}_version", def.name), ScalarValue::from("0")));
    let values: HashMap<String, ScalarValue> = params(spec)
        .into_iter()
        .map(|(name, param)| (name, param.scalar()))
        .chain(versions)
        .collect();
    ParamValues::from(values)
}

/// Where a spec has a table, as errors name it.
fn key_of(spec: &RunSpec, name: &str) -> Option<String> {
    let at = spec.table.iter().position(|t| t.name == name)?;
    let key = if spec.table[at].file.is_some() {
        "file"
    } else {
        "sql"
    };
    Some(format!("table[{at}].{key}"))
}

type Arranged = (Defs, BTreeMap<String, TableDef>);

/// The tables in order, and those that were replaced as they had been. Pure.
fn arrange(
    source: &SpecSource,
    spec: &RunSpec,
    mut staged: Vec<TableDef>,
    mut learned: Vec<TableDef>,
    raw: &[String],
) -> Result<Arranged, SpecError> {
    let mut originals = BTreeMap::new();
    let mut new = Vec::new();
    for table in &spec.table {
        let known = staged.iter_mut().chain(&mut learned);
        match known.into_iter().find(|def| def.name == table.name) {
            Some(def) => {
                originals.insert(def.name.clone(), def.clone());
                replace(def, table);
            }
            None => new.push(new_def(table)),
        }
    }
    let names: Vec<String> = staged
        .iter()
        .chain(&learned)
        .chain(&new)
        .map(|def| def.name.clone())
        .chain(raw.iter().cloned())
        .collect();
    let own = staged.iter_mut().chain(&mut learned).chain(&mut new);
    for def in own.filter(|def| def.own.is_some()) {
        let key = key_of(spec, &def.name).unwrap_or_default();
        if raw.contains(&def.name) {
            let message = format!("`{}` is the name of a raw relation", def.name);
            return Err(source.error_at(&key, message, Some("give the table another name".into())));
        }
        def.reads = reads(&def.sql).map_err(|e| source.error_at(&key, e, None))?;
        if let Some(unknown) = def.reads.iter().find(|r| !names.contains(*r)) {
            let message = format!("table `{}` reads `{unknown}`, which is no table", def.name);
            let help = match nearest(unknown, names.iter().map(String::as_str)) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("there are {}", names.join(", ")),
            };
            return Err(source.error_at(&key, message, Some(help)));
        }
    }
    // A new table is staged unless it reads, at any remove, what is made after the checks.
    let mut late: BTreeSet<String> = learned.iter().map(|def| def.name.clone()).collect();
    loop {
        let (later, rest): (Vec<TableDef>, Vec<TableDef>) = new
            .into_iter()
            .partition(|def| def.reads.iter().any(|r| late.contains(r)));
        new = rest;
        if later.is_empty() {
            break;
        }
        late.extend(later.iter().map(|def| def.name.clone()));
        learned.extend(later);
    }
    staged.extend(new);
    for def in &staged {
        if let Some(read) = def.reads.iter().find(|r| late.contains(*r)) {
            let key = key_of(spec, &def.name).unwrap_or_default();
            let message = format!(
                "table `{}` is made before anything is split: it cannot read `{read}`",
                def.name
            );
            return Err(source.error_at(&key, message, None));
        }
    }
    let defs = Defs {
        staged: ordered(source, spec, staged)?,
        learned: ordered(source, spec, learned)?,
        check: Vec::new(),
    };
    Ok((defs, originals))
}

fn replace(def: &mut TableDef, table: &TableSpec) {
    def.own = Some(Own::Replaced);
    def.sql = table.sql.clone().unwrap_or_default();
    // What somebody else's SQL makes of rows is not known.
    (def.narrow, def.gathers, def.together) = (false, false, None);
    def.key = table.key.clone().unwrap_or_else(|| def.key.clone());
    def.sort = table.sort.clone().unwrap_or_else(|| def.sort.clone());
    def.parts = table.parts.or(def.parts);
}

fn new_def(table: &TableSpec) -> TableDef {
    TableDef {
        name: table.name.clone(),
        reads: Vec::new(),
        key: table.key.clone().unwrap_or_default(),
        sort: table.sort.clone().unwrap_or_default(),
        narrow: false,
        together: None,
        parts: table.parts,
        own: Some(Own::New),
        training: false,
        gathers: false,
        leaky: false,
        sql: table.sql.clone().unwrap_or_default(),
    }
}

/// The tables that a query reads.
fn reads(sql: &str) -> Result<Vec<String>, String> {
    let wrong = |e: datafusion::error::DataFusionError| {
        format!("the SQL is wrong: {}", e.strip_backtrace())
    };
    let statements = DFParser::parse_sql(sql).map_err(wrong)?;
    let mut statements = statements.iter();
    let (Some(statement), None) = (statements.next(), statements.next()) else {
        return Err("the SQL must be one query".to_owned());
    };
    let (tables, _) = resolve_table_references(statement, true).map_err(wrong)?;
    Ok(tables.iter().map(|t| t.table().to_owned()).collect())
}

/// The tables in order.
fn ordered(
    source: &SpecSource,
    spec: &RunSpec,
    tables: Vec<TableDef>,
) -> Result<Vec<TableDef>, SpecError> {
    let (done, left) = in_order(tables);
    if left.is_empty() {
        return Ok(done);
    }
    let own = left.iter().find(|def| def.own.is_some());
    let name = own.map(|def| def.name.clone()).unwrap_or_default();
    let others: Vec<&str> = left.iter().map(|def| def.name.as_str()).collect();
    let message = format!(
        "table `{name}` cannot be made: {} read one another",
        others.join(", ")
    );
    let key = key_of(spec, &name).unwrap_or_default();
    Err(source.error_at(&key, message, None))
}

/// What tables are planned with.
struct Plans<'a> {
    source: &'a SpecSource,
    spec: &'a RunSpec,
    context: &'a SessionContext,
    values: ParamValues,
    originals: &'a BTreeMap<String, TableDef>,
}

impl Plans<'_> {
    /// Plans a table over its inputs; gives its schema, and one of the spec the order that it lacks.
    async fn check(&self, def: &mut TableDef) -> Result<SchemaRef, SchedulerError> {
        let made = match self.schema(&def.sql).await {
            Ok(schema) => schema,
            Err(e) => return Err(self.blame(def, &e)),
        };
        if def.own.is_some() {
            let flat = made.fields().iter().filter(|f| !f.data_type().is_nested());
            let names: Vec<String> = flat.map(|f| f.name().clone()).collect();
            if def.key.is_empty() {
                def.key = names.first().cloned().into_iter().collect();
            }
            if def.sort.is_empty() {
                def.sort = names;
            }
        }
        let key = || key_of(self.spec, &def.name).unwrap_or_default();
        for column in def.key.iter().chain(&def.sort) {
            if made.column_with_name(column).is_none() {
                let message = format!(
                    "table `{}` is put in order by `{column}`, which is none of its columns",
                    def.name
                );
                let help = "select it, or set `key` and `sort`".to_owned();
                return Err(self.source.error_at(&key(), message, Some(help)).into());
            }
        }
        if READ_BY_CODE.contains(&def.name.as_str())
            && let Some(original) = self.originals.get(&def.name)
            && let Ok(wanted) = self.schema(&original.sql).await
        {
            for field in wanted.fields() {
                let there = made
                    .column_with_name(field.name())
                    .map(|(_, f)| f.data_type());
                if there.is_none_or(|found| !alike(found, field.data_type())) {
                    let message = format!(
                        "table `{}` must have the column `{}` of type {}",
                        def.name,
                        field.name(),
                        field.data_type()
                    );
                    let help = "the checks, the report or the trainers read it".to_owned();
                    return Err(self.source.error_at(&key(), message, Some(help)).into());
                }
            }
        }
        Ok(made)
    }

    async fn schema(&self, sql: &str) -> Result<SchemaRef, String> {
        let said = |e: datafusion::error::DataFusionError| e.strip_backtrace();
        let frame = self
            .context
            .sql_with_options(sql, read_only())
            .await
            .map_err(said)?;
        let frame = frame.with_param_values(self.values.clone()).map_err(said)?;
        let plan = frame.into_optimized_plan().map_err(said)?;
        Ok(Arc::new(plan.schema().as_arrow().clone()))
    }

    /// Whose fault it is that a table cannot be planned: its own SQL's, or that of a table of the
    /// spec's that it reads.
    fn blame(&self, def: &TableDef, error: &str) -> SchedulerError {
        if let Some(key) = key_of(self.spec, &def.name) {
            let message = format!("the SQL of table `{}` is wrong: {error}", def.name);
            return self.source.error_at(&key, message, None).into();
        }
        let culprit = def
            .reads
            .iter()
            .find_map(|read| Some((read, key_of(self.spec, read)?)));
        match culprit {
            Some((read, key)) => {
                let message = format!(
                    "table `{}` reads `{read}` and cannot be made of it any more: {error}",
                    def.name
                );
                let help = format!("keep the columns that `{}` reads", def.name);
                self.source.error_at(&key, message, Some(help)).into()
            }
            None => {
                SchedulerError::Failed(format!("table {} cannot be planned: {error}", def.name))
            }
        }
    }
}

/// Whether code that reads one type can read the other: texts are texts.
fn alike(found: &DataType, wanted: &DataType) -> bool {
    found == wanted || (found.is_string() && wanted.is_string())
}

#[cfg(test)]
mod tests;
