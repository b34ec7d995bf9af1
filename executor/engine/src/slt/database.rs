//! A session as sqllogictest sees it. The scheduler's tests share this file.
//!
//! Besides SQL there are two statements: `make NAME from FOLDER/FILE with PARAMETER = VALUE, …`
//! makes a table by a file of SQL, and `commit NAME as VERSION` puts a table into the warehouse,
//! for functions that look things up there.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use datafusion::arrow::array::{Array, RecordBatch};
use datafusion::arrow::datatypes::DataType;
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::common::{ParamValues, ScalarValue, plan_datafusion_err};
use datafusion::dataframe::DataFrame;
use datafusion::error::{DataFusionError, Result};
use datafusion::prelude::SessionContext;
use pannier_proto::manifest::TableLineage;
use sqllogictest::{AsyncDB, DBOutput, DefaultColumnType, Runner};

// The includer says what the engine is: this crate, or the one it depends on.
use super::engine::session;
use super::engine::table::{TableTarget, commit, manifest_columns, write_plan};
use super::engine::warehouse::Warehouse;

/// Runs every `.slt` file of a folder, each in a session of its own; gives their number. `sql` is
/// the folder of the files that `make` reads.
///
/// # Errors
/// The first record that is not as its file says, with the place.
pub async fn run_folder(
    folder: &Path,
    sql: &Path,
) -> std::result::Result<usize, Box<dyn std::error::Error>> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)?
        .map(|entry| Ok(entry?.path()))
        .collect::<std::io::Result<_>>()?;
    files.retain(|path| path.extension().is_some_and(|e| e == "slt"));
    files.sort();
    for file in &files {
        let warehouse = tempfile::tempdir()?;
        let root = warehouse.path().display().to_string();
        let mut runner = Runner::new(|| async {
            let warehouse = Warehouse::open(&root)?;
            let state = session::state(session::config(), &warehouse)?;
            Ok(Database {
                context: SessionContext::new_with_state(state),
                warehouse,
                sql: sql.to_owned(),
            })
        });
        let outcome = runner.run_file_async(file).await;
        outcome.map_err(|e| e.display(false).to_string())?;
    }
    Ok(files.len())
}

struct Database {
    context: SessionContext,
    warehouse: Warehouse,
    sql: PathBuf,
}

#[async_trait::async_trait]
impl AsyncDB for Database {
    type Error = DataFusionError;
    type ColumnType = DefaultColumnType;

    async fn run(&mut self, sql: &str) -> Result<DBOutput<DefaultColumnType>> {
        if let Some(rest) = sql.strip_prefix("make ") {
            self.make(rest).await?;
            return Ok(DBOutput::StatementComplete(0));
        }
        if let Some(rest) = sql.strip_prefix("commit ") {
            self.commit(rest).await?;
            return Ok(DBOutput::StatementComplete(0));
        }
        let frame = self.context.sql(sql).await?;
        let types = frame.schema().fields().iter();
        let types: Vec<_> = types.map(|f| kind(f.data_type())).collect();
        let rows = text(&frame.collect().await?)?;
        Ok(DBOutput::Rows { types, rows })
    }

    async fn shutdown(&mut self) {}
}

impl Database {
    /// Makes a table of a file's SQL and keeps its rows in memory.
    async fn make(&self, what: &str) -> Result<()> {
        let wrong = || plan_datafusion_err!("write it as `make NAME from FILE with A = 1, B = 2`");
        let (what, with) = what.split_once(" with ").unwrap_or((what, ""));
        let (name, file) = what.trim().split_once(" from ").ok_or_else(wrong)?;
        let path = self
            .sql
            .join(format!("{}.sql", file.trim().trim_end_matches(';')));
        let sql = std::fs::read_to_string(&path)
            .map_err(|e| plan_datafusion_err!("{}: {e}", path.display()))?;
        let mut values: HashMap<String, ScalarValue> = HashMap::new();
        for pair in with.split(',').filter(|p| !p.trim().is_empty()) {
            let (name, value) = pair.split_once('=').ok_or_else(wrong)?;
            let value = value.trim().trim_end_matches(';');
            let value = match value.parse() {
                Ok(number) => ScalarValue::Int64(Some(number)),
                Err(_) => ScalarValue::from(value.trim_matches('\'')),
            };
            values.insert(name.trim().to_owned(), value);
        }
        let frame: DataFrame = self.context.sql(&sql).await?;
        let frame = if values.is_empty() {
            frame
        } else {
            frame.with_param_values(ParamValues::from(values))?
        };
        let table = frame.cache().await?.into_view();
        self.context.register_table(name.trim(), table)?;
        Ok(())
    }

    /// Commits a table as a version, in one part.
    async fn commit(&self, what: &str) -> Result<()> {
        let wrong = || plan_datafusion_err!("write it as `commit NAME as VERSION`");
        let (name, version) = what.split_once(" as ").ok_or_else(wrong)?;
        let version = version.trim().trim_end_matches(';');
        commit_table(&self.context, &self.warehouse, name.trim(), version).await
    }
}

/// Commits a session's table as a version, in one part and by its first column.
///
/// # Errors
/// Where there is no such table, or it cannot be written.
pub async fn commit_table(
    context: &SessionContext,
    warehouse: &Warehouse,
    table: &str,
    version: &str,
) -> Result<()> {
    let query = context.table(table).await?.into_optimized_plan()?;
    let key = vec![query.schema().field(0).name().clone()];
    let target = TableTarget {
        warehouse: warehouse.root(),
        table: table.to_owned(),
        version: version.to_owned(),
        sort: key.clone(),
        key,
        parts: 1,
        row_group_rows: 1000,
        pieces: BTreeMap::new(),
    };
    let columns = manifest_columns(&query);
    let plan = write_plan(&context.state(), query, &target, &[]).await?;
    datafusion::physical_plan::collect(plan, context.task_ctx()).await?;
    commit(warehouse, &target, columns, TableLineage::default()).await?;
    Ok(())
}

fn kind(data_type: &DataType) -> DefaultColumnType {
    match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => DefaultColumnType::Text,
        t if t.is_integer() => DefaultColumnType::Integer,
        t if t.is_floating() => DefaultColumnType::FloatingPoint,
        _ => DefaultColumnType::Any,
    }
}

/// Cells as the files write them: `NULL`, and `(empty)` for a string without characters.
fn text(batches: &[RecordBatch]) -> Result<Vec<Vec<String>>> {
    let options = FormatOptions::default().with_null("NULL");
    let mut rows = Vec::new();
    for batch in batches {
        let columns = batch.columns().iter();
        let columns = columns
            .map(|c| ArrayFormatter::try_new(c.as_ref() as &dyn Array, &options))
            .collect::<std::result::Result<Vec<_>, _>>()?;
        for row in 0..batch.num_rows() {
            let cell = |c: &ArrayFormatter<'_>| match c.value(row).to_string() {
                none if none.is_empty() => "(empty)".to_owned(),
                text => text,
            };
            rows.push(columns.iter().map(cell).collect());
        }
    }
    Ok(rows)
}
