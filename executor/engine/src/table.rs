//! From a query to a table version in canonical form: which part a row goes to, the order inside
//! a part, and the manifest made of what the executors noted.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Schema};
use datafusion::common::plan_err;
use datafusion::error::Result;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, cast, lit};
use datafusion::physical_expr::expressions::col;
use datafusion::physical_expr::{LexOrdering, PhysicalSortExpr};
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::repartition::RepartitionExec;
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties, Partitioning};
use pannier_proto::manifest::{ManifestColumn, ManifestFile, TableLineage, TableManifest};
use pannier_proto::objects;

use crate::align::{align, column};
use crate::error::EngineError;
use crate::exec::{EngineExec, EngineOp};
use crate::narrow::{Narrow, PIECE, check_physical, source_stays};
use crate::ops::order_ties::{ORDER, OrderTies};
use crate::ops::write_result::WriteResult;
use crate::ops::write_table::{PART, WriteTable};
use crate::ordered::in_order;
use crate::session::TARGET_PARTITIONS;
use crate::warehouse::Warehouse;

/// Where a query's rows go and in what form.
#[derive(Debug, Clone)]
pub struct TableTarget {
    /// Root of the warehouse.
    pub warehouse: String,
    /// Table.
    pub table: String,
    /// Version.
    pub version: String,
    /// Columns that decide a row's part.
    pub key: Vec<String>,
    /// Columns that order a part; all others follow as tie-breakers.
    pub sort: Vec<String>,
    /// Parts.
    pub parts: u32,
    /// Rows of a row group.
    pub row_group_rows: u32,
    /// Names of the parts of a narrow table; empty for others.
    pub pieces: BTreeMap<u32, String>,
}

/// The plan that writes a query as a table version: shuffle by part, sort, write. Where the query
/// itself brings rows of one key together, it does so by part, and one shuffle serves both.
/// `inputs` are the tables it reads.
///
/// # Errors
/// Where key or sort name no column, or the query cannot be planned.
pub async fn write_plan(
    state: &SessionState,
    query: LogicalPlan,
    target: &TableTarget,
    inputs: &[TableManifest],
) -> Result<Arc<dyn ExecutionPlan>> {
    let query = with_part(state, query, target)?;
    let input = state.create_physical_plan(&query).await?;
    let schema = input.schema();
    let shuffled = match align(state, Arc::clone(&input), target, inputs)? {
        Some(aligned) => aligned,
        None => {
            let by_part = Partitioning::Hash(vec![col(PART, &schema)?], TARGET_PARTITIONS);
            Arc::new(RepartitionExec::try_new(input, by_part)?)
        }
    };
    let Some(order) = ordering(&schema, &target.sort)? else {
        return plan_err!("table {} has no column to sort by", target.table);
    };
    let sorted: Arc<dyn ExecutionPlan> = if in_order(&shuffled, target, inputs) {
        let op = EngineOp::OrderTies(OrderTies {
            by: order.iter().filter_map(|e| column(&e.expr)).collect(),
            ordered: 1 + target.sort.len(),
        });
        Arc::new(EngineExec::try_new(op, shuffled)?)
    } else {
        Arc::new(SortExec::new(order, shuffled).with_preserve_partitioning(true))
    };
    sink(sorted, target)
}

/// The plan that writes a narrow query: each piece becomes one part, in its own order.
///
/// # Errors
/// Where the query cannot be planned, or the plan would mix pieces.
pub async fn narrow_plan(
    state: &SessionState,
    narrow: Narrow,
    target: &TableTarget,
) -> Result<Arc<dyn ExecutionPlan>> {
    let columns = narrow.query.schema().columns();
    let part = columns.iter().filter(|c| c.name == PIECE);
    let part = part.map(|c| Expr::Column(c.clone()).alias(PART));
    let others = columns.iter().filter(|c| c.name != PIECE);
    let others = others.map(|c| Expr::Column(c.clone()));
    let exprs: Vec<Expr> = part.chain(others).collect();
    let plan = LogicalPlanBuilder::from(narrow.query)
        .project(exprs)?
        .build()?;
    let plan = plain_text(plan)?;
    let input = state.create_physical_plan(&state.optimize(&plan)?).await?;
    let input = source_stays(input)?;
    check_physical(input.as_ref())?;
    sink(input, target)
}

/// The plan that writes a planned query's rows as they come; where the query orders them, in its
/// order.
///
/// # Errors
/// Where the plan cannot be made.
pub fn result_plan(
    query: Arc<dyn ExecutionPlan>,
    op: WriteResult,
) -> Result<Arc<dyn ExecutionPlan>> {
    // A plan with an order to keep has one partition at its root.
    let one: Arc<dyn ExecutionPlan> = if query.output_partitioning().partition_count() > 1 {
        Arc::new(CoalescePartitionsExec::new(query))
    } else {
        query
    };
    let op = EngineOp::WriteResult(op);
    Ok(Arc::new(EngineExec::try_new(op, one)?))
}

fn sink(input: Arc<dyn ExecutionPlan>, target: &TableTarget) -> Result<Arc<dyn ExecutionPlan>> {
    let op = WriteTable {
        warehouse: target.warehouse.clone(),
        table: target.table.clone(),
        version: target.version.clone(),
        row_group_rows: target.row_group_rows,
        pieces: target.pieces.clone(),
    };
    Ok(Arc::new(EngineExec::try_new(
        EngineOp::WriteTable(op),
        input,
    )?))
}

/// Adds the part's column in front.
fn with_part(
    state: &SessionState,
    query: LogicalPlan,
    target: &TableTarget,
) -> Result<LogicalPlan> {
    let Some(part_of) = state.scalar_functions().get("part_of") else {
        return plan_err!("the session lacks part_of");
    };
    let mut key = vec![lit(u64::from(target.parts.max(1)))];
    for name in &target.key {
        key.push(Expr::Column(
            query
                .schema()
                .qualified_field_with_unqualified_name(name)
                .map(Into::into)?,
        ));
    }
    let mut columns = vec![part_of.call(key).alias(PART)];
    columns.extend(query.schema().columns().into_iter().map(Expr::Column));
    let plan = LogicalPlanBuilder::from(query).project(columns)?.build()?;
    state.optimize(&plain_text(plan)?)
}

/// Gives strings their one form.
fn plain_text(query: LogicalPlan) -> Result<LogicalPlan> {
    let columns = query.schema().columns().into_iter();
    let columns: Vec<Expr> = columns
        .zip(query.schema().fields())
        .map(|(column, field)| match field.data_type() {
            DataType::Utf8View | DataType::LargeUtf8 => {
                cast(Expr::Column(column), DataType::Utf8).alias(field.name())
            }
            _ => Expr::Column(column).alias(field.name()),
        })
        .collect();
    LogicalPlanBuilder::from(query).project(columns)?.build()
}

/// Part first, then the columns asked for, then every other column that has an order.
fn ordering(schema: &Schema, sort: &[String]) -> Result<Option<LexOrdering>> {
    let mut names: Vec<&str> = std::iter::once(PART)
        .chain(sort.iter().map(String::as_str))
        .collect();
    for field in schema.fields() {
        if !names.contains(&field.name().as_str()) && !field.data_type().is_nested() {
            names.push(field.name());
        }
    }
    let columns = names
        .into_iter()
        .map(|n| {
            Ok(PhysicalSortExpr {
                expr: col(n, schema)?,
                options: ORDER,
            })
        })
        .collect::<Result<Vec<_>>>()?;
    Ok(LexOrdering::new(columns))
}

/// The columns of a query as a manifest lists them; the number of a row's piece is none of them.
#[must_use]
pub fn manifest_columns(query: &LogicalPlan) -> Vec<ManifestColumn> {
    let column = |f: &Arc<datafusion::arrow::datatypes::Field>| ManifestColumn {
        name: f.name().clone(),
        data_type: match f.data_type() {
            DataType::Utf8View | DataType::LargeUtf8 => DataType::Utf8.to_string(),
            other => other.to_string(),
        },
        nullable: f.is_nullable(),
    };
    let fields = query.schema().fields().iter();
    fields.filter(|f| f.name() != PIECE).map(column).collect()
}

/// The parts of a version that are written. Those of a narrow table may be as old as the table.
///
/// # Errors
/// Where a note cannot be read.
pub async fn parts(
    warehouse: &Warehouse,
    target: &TableTarget,
) -> std::result::Result<BTreeMap<u32, ManifestFile>, EngineError> {
    let mut files = BTreeMap::new();
    if target.pieces.is_empty() {
        let notes = objects::part_notes(&target.table, &target.version);
        for object in warehouse.list(&notes).await? {
            let file: ManifestFile = warehouse.get_json(&object.path).await?;
            files.insert(file.part, file);
        }
        return Ok(files);
    }
    for (part, piece) in &target.pieces {
        let note = objects::piece_note(&target.table, piece);
        if let Some(file) = warehouse.find_json::<ManifestFile>(&note).await? {
            files.insert(
                *part,
                ManifestFile {
                    part: *part,
                    ..file
                },
            );
        }
    }
    Ok(files)
}

/// Makes the manifest of a version from its notes and commits it, unless it is there already.
///
/// # Errors
/// Where a note or the manifest cannot be read or written.
pub async fn commit(
    warehouse: &Warehouse,
    target: &TableTarget,
    columns: Vec<ManifestColumn>,
    lineage: TableLineage,
) -> std::result::Result<TableManifest, EngineError> {
    let mut files: Vec<ManifestFile> = parts(warehouse, target).await?.into_values().collect();
    files.retain(|f| f.rows > 0);
    let manifest = TableManifest {
        table: target.table.clone(),
        version: target.version.clone(),
        columns,
        key: target.key.clone(),
        sort: target.sort.clone(),
        parts: target.parts,
        rows: files.iter().map(|f| f.rows).sum(),
        bytes: files.iter().map(|f| f.bytes).sum(),
        digest: TableManifest::digest_of_files(&files),
        files,
        lineage,
    };
    let path = objects::table_manifest(&target.table, &target.version);
    if warehouse.put_json_if_absent(&path, &manifest).await? {
        return Ok(manifest);
    }
    warehouse.get_json(&path).await
}

#[cfg(test)]
mod tests;
