//! The tables of a layout, made in this process: each by its SQL over what its `reads` names, and
//! nothing else.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, RecordBatch, UInt32Array};
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::catalog::TableProvider;
use datafusion::common::{ParamValues, ScalarValue};
use datafusion::datasource::MemTable;
use datafusion::prelude::SessionContext;
use pannier_engine::narrow::{PIECE, narrow};
use pannier_engine::raw::{RawForm, RawRelation};
use pannier_engine::session;
use pannier_engine::warehouse::Warehouse;
use pannier_proto::spec::{CheckRule, ContextSpec, RunSpec, Severity, SpecSource};

use crate::layout::source::Place;
use crate::layout::{Defs, Layout, RawFiles, TableDef, common, content_pieces, find};
use crate::plan::params;
use crate::slt::database::commit_table;
use crate::testing::warehouse;

/// Tables of one source.
pub struct Staged {
    name: String,
    layout: Layout,
    tables: BTreeMap<String, Arc<dyn TableProvider>>,
    looked_up: LookedUp,
}

/// Tables that functions look things up in, all of the version "v".
struct LookedUp {
    warehouse: Warehouse,
    _folder: tempfile::TempDir,
}

impl LookedUp {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let warehouse = Warehouse::open(&folder.path().display().to_string()).unwrap();
        Self {
            warehouse,
            _folder: folder,
        }
    }

    /// Commits a table where one of these names its version.
    async fn commit(&self, name: &str, table: &Arc<dyn TableProvider>, by: &[TableDef]) {
        let version = format!("${name}_version");
        if by.iter().any(|def| def.sql.contains(&version)) {
            let context = context(&self.warehouse);
            context.register_table(name, Arc::clone(table)).unwrap();
            let committed = commit_table(&context, &self.warehouse, name, "v").await;
            committed.unwrap();
        }
    }
}

/// A session whose functions look things up in a warehouse.
fn context(warehouse: &Warehouse) -> SessionContext {
    let state = session::state(session::config(), warehouse).unwrap();
    SessionContext::new_with_state(state)
}

/// Rows as a table that tells the piece of each, as committed tables do.
fn table(schema: &Schema, rows: Vec<RecordBatch>) -> MemTable {
    // What selects all columns of such tables has the column already.
    let own: Vec<usize> = (0..schema.fields().len())
        .filter(|at| schema.field(*at).name() != PIECE)
        .collect();
    let mut fields: Vec<_> = own
        .iter()
        .map(|at| Arc::clone(&schema.fields()[*at]))
        .collect();
    fields.push(Arc::new(Field::new(PIECE, DataType::UInt32, false)));
    let schema = Arc::new(Schema::new(fields));
    let with_piece = |rows: RecordBatch| {
        let piece: ArrayRef = Arc::new(UInt32Array::from(vec![0; rows.num_rows()]));
        let columns = own.iter().map(|at| Arc::clone(rows.column(*at)));
        let columns = columns.chain([piece]).collect();
        RecordBatch::try_new(Arc::clone(&schema), columns).unwrap()
    };
    let rows = rows.into_iter().map(with_piece).collect();
    MemTable::try_new(Arc::clone(&schema), vec![rows]).unwrap()
}

/// A table by its SQL over what its `reads` names.
async fn made(
    context: SessionContext,
    tables: &BTreeMap<String, Arc<dyn TableProvider>>,
    name: &str,
    def: &TableDef,
    values: &HashMap<String, ScalarValue>,
) -> Arc<dyn TableProvider> {
    for input in &def.reads {
        let table = tables.get(input).unwrap_or_else(|| {
            panic!(
                "{name}: {} reads {input}, which nothing before it makes",
                def.name
            )
        });
        context
            .register_table(input.as_str(), Arc::clone(table))
            .unwrap();
    }
    let frame = context.sql(&def.sql).await;
    let mut frame = frame.unwrap_or_else(|e| panic!("{name}/{}: {e}", def.name));
    let versions = def.reads.iter();
    let versions = versions.map(|read| (format!("{read}_version"), "v".into()));
    let values: HashMap<String, ScalarValue> = values
        .clone()
        .into_iter()
        .chain(versions)
        .filter(|(name, _)| def.sql.contains(&format!("${name}")))
        .collect();
    if !values.is_empty() {
        frame = frame.with_param_values(ParamValues::from(values)).unwrap();
    }
    let schema = Arc::new(frame.schema().as_arrow().clone());
    for column in def.key.iter().chain(&def.sort) {
        assert!(
            schema.column_with_name(column).is_some(),
            "{name}/{}: {column}",
            def.name
        );
    }
    if def.narrow {
        let query = frame.clone().into_unoptimized_plan();
        narrow(query).unwrap_or_else(|e| panic!("{name}/{}: {e}", def.name));
    }
    let rows = frame.collect().await;
    let rows = rows.unwrap_or_else(|e| panic!("{name}/{}: {e}", def.name));
    Arc::new(table(&schema, rows))
}

impl Staged {
    /// Makes all tables of a layout of the files in a folder.
    pub async fn of(name: &str, folder: &Path) -> Self {
        Self::with(name, folder, ContextSpec::Decision, (0, 999_999)).await
    }

    /// As [`Self::of`], with the options of `[prepare]`.
    pub async fn with(name: &str, folder: &Path, decision: ContextSpec, weeks: (i64, i64)) -> Self {
        let layout = find(name, decision).unwrap();
        let mut tables: BTreeMap<String, Arc<dyn TableProvider>> = BTreeMap::new();
        for raw in &layout.raw {
            let form = RawForm {
                format: raw.format,
                csv: raw.csv.clone(),
            };
            let place = Place {
                folder: folder.display().to_string(),
                pattern: raw.files.clone(),
            };
            let files = RawFiles {
                form: form.clone(),
                columns: raw.columns.clone(),
                places: vec![place],
                seen: None,
                optional: raw.optional,
                digests: BTreeMap::new(),
            };
            let pieces = content_pieces(&files, 0).unwrap();
            let pieces = pieces.into_iter().map(|p| p.piece).collect();
            let relation = RawRelation::new(pieces, form, raw.columns.clone());
            tables.insert(raw.name.clone(), Arc::new(relation));
        }
        let mut staged = Self {
            name: name.to_owned(),
            layout,
            tables,
            looked_up: LookedUp::new(),
        };
        let values = [("week_from", weeks.0), ("week_to", weeks.1)];
        let values = values.map(|(n, v)| (n.to_owned(), ScalarValue::Int64(Some(v))));
        let defs = staged.layout.table.clone();
        // What models are fed with may read common tables, and is made by tests of its own.
        let unseeded = |def: &TableDef| !def.sql.contains("$seed");
        staged.make(&defs, unseeded, &values.into()).await;
        staged
    }

    /// Makes what models are fed with, as `[split]` says.
    pub async fn learn(&mut self, split: &str) {
        let text = format!(
            "name = \"t\"\n[source]\nlayout = \"{}\"\npath = \"x\"\n[prepare]\nmin_item_baskets = 2\n[split]\n{split}\n",
            self.name
        );
        let source = SpecSource {
            file: "t.toml".into(),
            text,
        };
        let spec = RunSpec::parse(&source).unwrap();
        let values = params(&spec).into_iter();
        let values = values.map(|(name, param)| (name, param.scalar())).collect();
        let common = common(&spec.split, &self.layout).unwrap();
        let defs = Defs::of(&self.layout, common).learned;
        self.make(&defs, |_| true, &values).await;
    }

    /// Makes tables one after the other; of those that models are fed with the ones whose inputs are
    /// there and that are `wanted`.
    async fn make(
        &mut self,
        defs: &[TableDef],
        wanted: impl Fn(&TableDef) -> bool,
        values: &HashMap<String, ScalarValue>,
    ) {
        for def in defs {
            let there = def.reads.iter().all(|read| self.tables.contains_key(read));
            if def.training && !(there && wanted(def)) {
                continue;
            }
            let context = context(&self.looked_up.warehouse);
            let made = made(context, &self.tables, &self.name, def, values).await;
            self.looked_up.commit(&def.name, &made, defs).await;
            self.tables.insert(def.name.clone(), made);
        }
    }

    /// The rows of a query as text, columns by `,`.
    pub async fn rows(&self, sql: &str) -> Vec<String> {
        let context = context(&warehouse().unwrap());
        for (name, table) in &self.tables {
            context
                .register_table(name.as_str(), Arc::clone(table))
                .unwrap();
        }
        let batches = context.sql(sql).await.unwrap().collect().await.unwrap();
        let options = FormatOptions::default().with_null("-");
        let mut rows = Vec::new();
        for batch in batches {
            let columns: Vec<ArrayFormatter<'_>> = batch
                .columns()
                .iter()
                .map(|c| ArrayFormatter::try_new(c.as_ref(), &options).unwrap())
                .collect();
            for row in 0..batch.num_rows() {
                let cells: Vec<String> = columns.iter().map(|c| c.value(row).to_string()).collect();
                rows.push(cells.join(","));
            }
        }
        rows
    }

    /// The one number that a query gives.
    pub async fn number(&self, sql: &str) -> i64 {
        let rows = self.rows(sql).await;
        assert_eq!(rows.len(), 1, "{sql}: {rows:?}");
        rows[0]
            .parse()
            .unwrap_or_else(|e| panic!("{sql}: {rows:?}: {e}"))
    }

    /// Rows of a table.
    pub async fn count(&self, table: &str) -> i64 {
        self.number(&format!("select count(*) from {table}")).await
    }

    /// What `facts` says.
    pub async fn fact(&self, fact: &str) -> i64 {
        self.number(&format!(
            "select sum(rows) from facts where fact = '{fact}'"
        ))
        .await
    }

    /// Columns of a table and their types.
    pub fn columns(&self, table: &str) -> Vec<(String, DataType)> {
        let schema = self.tables[table].schema();
        let columns = schema.fields().iter();
        columns
            .filter(|f| f.name() != PIECE)
            .map(|f| match f.data_type() {
                // Which of its forms text has is settled when a table is written.
                DataType::Utf8View => (f.name().clone(), DataType::Utf8),
                other => (f.name().clone(), other.clone()),
            })
            .collect()
    }

    /// Names of the layout's tables.
    pub fn names(&self) -> Vec<String> {
        let names = self.layout.table.iter().map(|t| t.name.clone());
        names
            .filter(|name| self.tables.contains_key(name))
            .collect()
    }

    /// The default checks, with how many rows offend each.
    pub async fn checks(&self) -> Vec<(String, Severity, usize)> {
        let mut checks = Vec::new();
        for check in &self.layout.check {
            // Typed rules have tests of their own.
            let CheckRule::Sql { sql, .. } = &check.rule else {
                continue;
            };
            let rows = self.rows(sql).await.len();
            checks.push((check.name.clone(), check.severity, rows));
        }
        checks
    }
}
