//! Reads committed tables for functions that look things up: a few columns of a table that is small
//! beside the rows it is asked about, read once by every process and kept.

use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};

use datafusion::arrow::array::RecordBatch;
use datafusion::common::{ScalarValue, exec_datafusion_err, exec_err};
use datafusion::error::Result;
use datafusion::logical_expr::ColumnarValue;
use datafusion::parquet::arrow::ProjectionMask;
use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use pannier_proto::manifest::TableManifest;
use pannier_proto::objects;

use crate::warehouse::Warehouse;

/// What was made of the tables that were asked about last, by what was asked.
#[derive(Debug)]
struct Kept<T> {
    kept: Mutex<Vec<(String, Arc<T>)>>,
    most: usize,
}

impl<T> Kept<T> {
    /// At most so many.
    fn new(most: usize) -> Self {
        Self {
            kept: Mutex::default(),
            most,
        }
    }

    /// What was asked for, made at its first use. Who asks at that time waits.
    ///
    /// # Errors
    /// Those of making it.
    fn get(&self, asked: &str, make: impl FnOnce() -> Result<T>) -> Result<Arc<T>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, found)) = kept.iter().find(|(name, _)| name == asked) {
            return Ok(Arc::clone(found));
        }
        let made = Arc::new(make()?);
        kept.insert(0, (asked.to_owned(), Arc::clone(&made)));
        kept.truncate(self.most);
        Ok(made)
    }
}

/// What a function knows of a warehouse's tables. Functions that look things up are equal where they
/// do so in one warehouse.
#[derive(Debug)]
pub struct Lookup<T> {
    warehouse: Warehouse,
    kept: Kept<T>,
}

impl<T> Lookup<T> {
    /// In a warehouse; at most so many are kept.
    pub fn new(warehouse: Warehouse, most: usize) -> Self {
        let kept = Kept::new(most);
        Self { warehouse, kept }
    }

    /// What was asked for, made of the warehouse at its first use.
    ///
    /// # Errors
    /// Those of making it.
    pub fn get(&self, asked: &str, make: impl FnOnce(&Warehouse) -> Result<T>) -> Result<Arc<T>> {
        self.kept.get(asked, || make(&self.warehouse))
    }
}

impl<T> PartialEq for Lookup<T> {
    fn eq(&self, other: &Self) -> bool {
        self.warehouse.root() == other.warehouse.root()
    }
}

impl<T> Eq for Lookup<T> {}

impl<T> Hash for Lookup<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.warehouse.root().hash(state);
    }
}

/// Some columns of a version of a table, in the table's order. It may be called inside a runtime,
/// where nothing can be waited for: so a thread of its own does the reading.
///
/// # Errors
/// Where there is no such version, or it cannot be read.
pub fn read(
    warehouse: &Warehouse,
    table: &str,
    version: &str,
    columns: &[&str],
) -> Result<Vec<RecordBatch>> {
    let read = || -> Result<Vec<RecordBatch>> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime.block_on(batches(warehouse, table, version, columns))
    };
    let read = std::thread::scope(|scope| scope.spawn(read).join());
    read.map_err(|_| exec_datafusion_err!("reading the table {table} broke down"))?
}

async fn batches(
    warehouse: &Warehouse,
    table: &str,
    version: &str,
    columns: &[&str],
) -> Result<Vec<RecordBatch>> {
    let path = objects::table_manifest(table, version);
    let manifest: TableManifest = warehouse.get_json(&path).await?;
    let mut batches = Vec::new();
    for file in &manifest.files {
        let bytes = warehouse.get(&file.path).await?;
        let builder = ParquetRecordBatchReaderBuilder::try_new(bytes)?;
        let mask = ProjectionMask::columns(builder.parquet_schema(), columns.iter().copied());
        for batch in builder.with_projection(mask).build()? {
            batches.push(batch?);
        }
    }
    Ok(batches)
}

/// An argument that must be a text and no column; `what` is it called in errors.
///
/// # Errors
/// Where it is something else.
pub fn text<'a>(argument: &'a ColumnarValue, what: &str) -> Result<&'a str> {
    match argument {
        ColumnarValue::Scalar(ScalarValue::Utf8(Some(v)) | ScalarValue::Utf8View(Some(v))) => Ok(v),
        _ => exec_err!("{what} must be a text, not a column"),
    }
}
