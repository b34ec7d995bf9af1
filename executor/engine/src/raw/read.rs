//! The seam of the readers: what is to be read of a file, and the one place that picks the reader.

use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, RecordBatch, RecordBatchOptions, StringBuilder, UInt32Array, UInt64Array,
    new_null_array,
};
use datafusion::arrow::datatypes::{DataType, SchemaRef};
use datafusion::error::Result;

use super::arrow::ArrowRead;
use super::csv::CsvRead;
use super::json::JsonRead;
use super::parquet::ParquetRead;
use super::{RawColumn, RawForm, RawFormat, RawPiece, relation_schema};

/// Most rows of a batch.
pub const BATCH_ROWS: usize = 8192;

/// A file being read.
pub trait RawRead {
    /// The next rows, or `None` at the end of the file.
    ///
    /// # Errors
    /// Where the file breaks off or is damaged; the error names it.
    fn next_batch(&mut self) -> Result<Option<RecordBatch>>;
}

/// Opens a piece of a file; of a file that is no columnar one a piece is all of it.
///
/// # Errors
/// Where it cannot be opened, has no such form, or lacks a column; the error names it.
pub fn open(piece: &RawPiece, form: &RawForm, reading: &Arc<Reading>) -> Result<Box<dyn RawRead>> {
    let (path, reading) = (piece.path.as_str(), Arc::clone(reading));
    Ok(match form.format {
        RawFormat::Csv => Box::new(CsvRead::open(path, &form.csv, reading)?),
        RawFormat::Jsonl => Box::new(JsonRead::open(path, reading)?),
        RawFormat::Parquet => Box::new(ParquetRead::open(piece, reading)?),
        RawFormat::Arrow => Box::new(ArrowRead::open(path, reading)?),
    })
}

/// What is read of a relation's files.
#[derive(Debug)]
pub struct Reading {
    columns: Vec<RawColumn>,
    projection: Vec<usize>,
    /// Number of the piece that is read.
    part: u32,
    schema: SchemaRef,
}

/// A row that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Its place in the batch.
    pub row: usize,
    /// What is wrong.
    pub reason: String,
    /// The row as it stands in the file.
    pub text: String,
}

impl Reading {
    /// These columns, of which (with those that follow them) a query wants `projection`, of the
    /// piece of this number.
    ///
    /// # Errors
    /// Where the projection does not fit.
    pub fn new(columns: &[RawColumn], projection: &[usize], part: u32) -> Result<Self> {
        Ok(Self {
            schema: Arc::new(relation_schema(columns).project(projection)?),
            columns: columns.to_vec(),
            projection: projection.to_vec(),
            part,
        })
    }

    /// The declared columns.
    pub fn columns(&self) -> &[RawColumn] {
        &self.columns
    }

    /// Whether the query wants a declared column's values, or only that bad ones are found.
    pub fn wants(&self, column: usize) -> bool {
        self.projection.contains(&column)
    }

    /// Whether it matters that a row is bad: it would show in a value, a reason or a text.
    pub fn judges(&self) -> bool {
        let mut meta = self
            .projection
            .iter()
            .map(|at| at.checked_sub(self.columns.len()));
        meta.any(|meta| matches!(meta, None | Some(2 | 3)))
    }

    /// Puts a batch together: `values` gives the array of each wanted column.
    ///
    /// # Errors
    /// Where an array does not fit the schema.
    pub fn batch(
        &self,
        rows: usize,
        origin: &mut Origin,
        lines: Lines<'_>,
        faults: &[Fault],
        mut values: impl FnMut(usize) -> Result<ArrayRef>,
    ) -> Result<RecordBatch> {
        let mut arrays = Vec::with_capacity(self.projection.len());
        for &at in &self.projection {
            let meta = at.checked_sub(self.columns.len());
            arrays.push(match meta {
                None => values(at)?,
                Some(0) => origin.names(rows),
                Some(1) => lines.array(rows),
                Some(2) => sparse(rows, faults, |f| &f.reason),
                Some(3) => sparse(rows, faults, |f| &f.text),
                Some(_) => Arc::new(UInt32Array::from_value(self.part, rows)),
            });
        }
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let schema = Arc::clone(&self.schema);
        Ok(RecordBatch::try_new_with_options(schema, arrays, &options)?)
    }
}

/// Where the rows of a batch stand in their file.
pub enum Lines<'a> {
    /// One after the other, from this one on.
    From(u64),
    /// Each at a line of its own.
    At(&'a [u64]),
}

impl Lines<'_> {
    fn array(&self, rows: usize) -> ArrayRef {
        Arc::new(match self {
            Self::From(first) => UInt64Array::from_iter_values(*first..*first + rows as u64),
            Self::At(lines) => UInt64Array::from_iter_values(lines.iter().copied()),
        })
    }
}

/// The column of the file's name: one array, cut to the length that a batch needs.
pub struct Origin {
    name: String,
    longest: Option<ArrayRef>,
}

impl Origin {
    /// Of the file at this path.
    pub fn new(path: &str) -> Self {
        Self {
            name: path.rsplit('/').next().unwrap_or(path).to_owned(),
            longest: None,
        }
    }

    fn names(&mut self, rows: usize) -> ArrayRef {
        if let Some(array) = self.longest.as_ref().filter(|a| a.len() >= rows) {
            return array.slice(0, rows);
        }
        let mut builder = StringBuilder::with_capacity(rows, rows * self.name.len());
        for _ in 0..rows {
            builder.append_value(&self.name);
        }
        let array: ArrayRef = Arc::new(builder.finish());
        self.longest = Some(Arc::clone(&array));
        array
    }
}

/// A column that is null but for the faults' rows, which come in order.
fn sparse(rows: usize, faults: &[Fault], text: impl Fn(&Fault) -> &String) -> ArrayRef {
    if faults.is_empty() {
        return new_null_array(&DataType::Utf8, rows);
    }
    let mut builder = StringBuilder::new();
    let mut next = 0;
    for fault in faults {
        builder.append_nulls(fault.row - next);
        builder.append_value(text(fault));
        next = fault.row + 1;
    }
    builder.append_nulls(rows - next);
    Arc::new(builder.finish())
}

/// What is said of a file that lacks a column: its own columns, and what may be the matter.
pub fn no_column(path: &str, column: &RawColumn, found: &[String]) -> String {
    let hint = match found {
        [one] => {
            let other = [';', '\t', '|', ','].into_iter().find(|d| one.contains(*d));
            other.map(|d| format!("; is the delimiter {d:?}? Then say so in [source.csv]"))
        }
        _ => None,
    };
    format!(
        "`{path}` has no column `{}`; its columns are {}{}",
        column.name,
        found.join(", "),
        hint.unwrap_or_default()
    )
}
