//! A raw source as a table for the planner: a list of files and what stands in them.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::array::{ArrayRef, RecordBatch, StringArray};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::catalog::{Session, TableProvider};
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_plan::ExecutionPlan;

use crate::exec::{EngineExec, EngineOp};
use crate::ops::read_raw::ReadRaw;
use crate::raw::{RawColumn, RawForm, schema};

/// Files of one form.
#[derive(Debug)]
pub struct RawRelation {
    files: Vec<String>,
    form: RawForm,
    columns: Vec<RawColumn>,
    schema: SchemaRef,
}

impl RawRelation {
    /// The relation over these files.
    #[must_use]
    pub fn new(files: Vec<String>, form: RawForm, columns: Vec<RawColumn>) -> Self {
        let schema = schema(&columns);
        Self {
            files,
            form,
            columns,
            schema,
        }
    }
}

/// A relation of paths, dealt out over partitions: what a scan reads from.
///
/// # Errors
/// Where the in-memory source cannot be made.
pub fn paths(files: &[String], partitions: usize) -> Result<Arc<dyn ExecutionPlan>> {
    let schema = Arc::new(Schema::new(vec![Field::new("path", DataType::Utf8, false)]));
    let mut dealt: Vec<Vec<&str>> = vec![Vec::new(); partitions.clamp(1, files.len().max(1))];
    for (i, file) in files.iter().enumerate() {
        let at = i % dealt.len();
        dealt[at].push(file);
    }
    let batches = dealt
        .into_iter()
        .map(|files| {
            let column: ArrayRef = Arc::new(StringArray::from(files));
            Ok(vec![RecordBatch::try_new(
                Arc::clone(&schema),
                vec![column],
            )?])
        })
        .collect::<Result<Vec<_>>>()?;
    Ok(MemorySourceConfig::try_new_exec(&batches, schema, None)?)
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
            form: self.form.clone(),
            columns: self.columns.clone(),
            projection: projection
                .cloned()
                .unwrap_or_else(|| (0..self.schema.fields().len()).collect()),
        };
        let input = paths(&self.files, session.config().target_partitions())?;
        Ok(Arc::new(EngineExec::try_new(EngineOp::ReadRaw(op), input)?))
    }
}
