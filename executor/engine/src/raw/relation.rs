//! A raw source as a table for the planner: a list of pieces and what stands in them.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::array::{RecordBatch, StringArray, UInt32Array, UInt64Array};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::catalog::{Session, TableProvider};
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_plan::ExecutionPlan;
use serde::{Deserialize, Serialize};

use crate::exec::{EngineExec, EngineOp};
use crate::ops::read_raw::ReadRaw;
use crate::raw::{RawColumn, RawFormat, relation_schema};

/// A file, or a range of its rows, that is read by one task and makes one part of a narrow table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RawPiece {
    /// The file.
    pub path: String,
    /// Number of the piece among all of its source.
    pub part: u32,
    /// First row of the file that belongs to it.
    pub first_row: u64,
    /// Rows, where they are known without reading the file; else all from the first on.
    pub rows: Option<u64>,
}

/// Files of one form.
#[derive(Debug)]
pub struct RawRelation {
    pieces: Vec<RawPiece>,
    format: RawFormat,
    columns: Vec<RawColumn>,
    schema: SchemaRef,
}

impl RawRelation {
    /// The relation over these pieces.
    #[must_use]
    pub fn new(pieces: Vec<RawPiece>, format: RawFormat, columns: Vec<RawColumn>) -> Self {
        let schema = relation_schema(&columns);
        Self {
            pieces,
            format,
            columns,
            schema,
        }
    }
}

/// A relation of pieces, dealt out over partitions: what a scan reads from.
///
/// # Errors
/// Where the in-memory source cannot be made.
pub fn dealt(pieces: &[RawPiece], partitions: usize) -> Result<Arc<dyn ExecutionPlan>> {
    let schema = Arc::new(Schema::new(vec![
        Field::new("path", DataType::Utf8, false),
        Field::new("part", DataType::UInt32, false),
        Field::new("first_row", DataType::UInt64, false),
        Field::new("rows", DataType::UInt64, true),
    ]));
    let mut dealt: Vec<Vec<&RawPiece>> = vec![Vec::new(); partitions.clamp(1, pieces.len().max(1))];
    for (i, piece) in pieces.iter().enumerate() {
        let at = i % dealt.len();
        dealt[at].push(piece);
    }
    let batch = |pieces: Vec<&RawPiece>| {
        let paths: StringArray = pieces.iter().map(|p| Some(p.path.as_str())).collect();
        let parts: UInt32Array = pieces.iter().map(|p| Some(p.part)).collect();
        let first: UInt64Array = pieces.iter().map(|p| Some(p.first_row)).collect();
        let rows: UInt64Array = pieces.iter().map(|p| p.rows).collect();
        let columns = vec![
            Arc::new(paths) as _,
            Arc::new(parts) as _,
            Arc::new(first) as _,
            Arc::new(rows) as _,
        ];
        Ok(vec![RecordBatch::try_new(Arc::clone(&schema), columns)?])
    };
    let batches = dealt.into_iter().map(batch).collect::<Result<Vec<_>>>()?;
    Ok(MemorySourceConfig::try_new_exec(&batches, schema, None)?)
}

/// The pieces of a batch of [`dealt`].
#[must_use]
pub fn pieces_of(batch: &RecordBatch) -> Vec<RawPiece> {
    use datafusion::arrow::array::{Array, AsArray};
    use datafusion::arrow::datatypes::{UInt32Type, UInt64Type};
    let paths = batch.column(0).as_string::<i32>();
    let parts = batch.column(1).as_primitive::<UInt32Type>();
    let first = batch.column(2).as_primitive::<UInt64Type>();
    let rows = batch.column(3).as_primitive::<UInt64Type>();
    (0..batch.num_rows())
        .map(|i| RawPiece {
            path: paths.value(i).to_owned(),
            part: parts.value(i),
            first_row: first.value(i),
            rows: rows.is_valid(i).then(|| rows.value(i)),
        })
        .collect()
}

#[async_trait]
impl TableProvider for RawRelation {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }
    fn table_type(&self) -> TableType {
        TableType::Base
    }
    async fn scan(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        _: &[Expr],
        _: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let op = ReadRaw {
            format: self.format,
            columns: self.columns.clone(),
            projection: projection
                .cloned()
                .unwrap_or_else(|| (0..self.schema.fields().len()).collect()),
            rows: self.pieces.iter().map(|p| p.rows).sum(),
        };
        let input = dealt(&self.pieces, session.config().target_partitions())?;
        Ok(Arc::new(EngineExec::try_new(EngineOp::ReadRaw(op), input)?))
    }
}
