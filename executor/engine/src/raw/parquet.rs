//! Reads a Parquet file of a raw source into batches of the declared columns, cast to their types.
//! A value that cannot be cast makes its row a reject, as in CSV.

use std::sync::Arc;

use datafusion::arrow::array::BooleanArray;
use datafusion::arrow::array::{
    Array, ArrayRef, RecordBatch, StringArray, StringBuilder, UInt64Array, new_null_array,
};
use datafusion::arrow::compute::kernels::cast::{CastOptions, cast_with_options};
use datafusion::arrow::compute::nullif;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::exec_datafusion_err;
use datafusion::error::Result;
use datafusion::parquet::arrow::ProjectionMask;
use datafusion::parquet::arrow::arrow_reader::{
    ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};

use super::csv::wanted;
use crate::raw::input::Seekable;
use crate::raw::{RawColumn, RawPiece, schema};

/// A file being read.
pub struct ParquetRead {
    reader: ParquetRecordBatchReader,
    path: String,
    columns: Vec<RawColumn>,
    row: u64,
    schema: SchemaRef,
}

impl ParquetRead {
    /// Opens a file.
    ///
    /// # Errors
    /// Where it cannot be opened, or lacks a column.
    pub fn open(piece: &RawPiece, columns: &[RawColumn]) -> Result<Self> {
        let path = &piece.path;
        let file = Seekable::open(path)?;
        let builder = ParquetRecordBatchReaderBuilder::try_new(file)?;
        for column in columns {
            if !column.optional && builder.schema().column_with_name(&column.name).is_none() {
                let found: Vec<&str> = builder
                    .schema()
                    .fields()
                    .iter()
                    .map(|f| f.name().as_str())
                    .collect();
                return Err(exec_datafusion_err!(
                    "`{path}` has no column `{}`; its columns are {}",
                    column.name,
                    found.join(", ")
                ));
            }
        }
        let names = columns.iter().map(|c| c.name.as_str());
        let mask = ProjectionMask::columns(builder.parquet_schema(), names);
        let mut builder = builder
            .with_projection(mask)
            .with_batch_size(8192)
            .with_offset(piece.first_row as usize);
        if let Some(rows) = piece.rows {
            builder = builder.with_limit(rows as usize);
        }
        let reader = builder.build()?;
        Ok(Self {
            reader,
            path: path.clone(),
            columns: columns.to_vec(),
            row: piece.first_row,
            schema: schema(columns),
        })
    }

    /// The next batch, or `None` at the end of the file.
    ///
    /// # Errors
    /// Where the file is damaged.
    pub fn next_batch(&mut self) -> Result<Option<RecordBatch>> {
        let Some(batch) = self.reader.next().transpose()? else {
            return Ok(None);
        };
        let rows = batch.num_rows();
        let mut reasons: Vec<Option<String>> = vec![None; rows];
        let mut arrays: Vec<ArrayRef> = Vec::with_capacity(self.columns.len() + 4);
        for column in &self.columns {
            arrays.push(match batch.column_by_name(&column.name) {
                Some(array) => read_column(array, column, &mut reasons)?,
                None => new_null_array(&column.kind.arrow(), rows),
            });
        }
        let bad: BooleanArray = reasons.iter().map(|r| Some(r.is_some())).collect();
        if bad.true_count() > 0 {
            arrays = arrays
                .iter()
                .map(|a| Ok(nullif(a, &bad)?))
                .collect::<Result<_>>()?;
        }
        let name = self.path.rsplit('/').next().unwrap_or(&self.path);
        arrays.push(Arc::new(StringArray::from_iter_values(
            std::iter::repeat_n(name, rows),
        )));
        arrays.push(Arc::new(UInt64Array::from_iter_values(
            self.row + 1..=self.row + rows as u64,
        )));
        let mut text = StringBuilder::new();
        for (at, reason) in reasons.iter().enumerate() {
            text.append_option(
                reason
                    .as_ref()
                    .map(|_| format!("row {}", self.row + 1 + at as u64)),
            );
        }
        arrays.push(Arc::new(StringArray::from(reasons)));
        arrays.push(Arc::new(text.finish()));
        self.row += rows as u64;
        Ok(Some(RecordBatch::try_new(
            Arc::clone(&self.schema),
            arrays,
        )?))
    }
}

/// Casts a column; rows whose value is lost by it get a reason.
fn read_column(
    array: &ArrayRef,
    column: &RawColumn,
    reasons: &mut [Option<String>],
) -> Result<ArrayRef> {
    let cast = cast_with_options(
        array,
        &column.kind.arrow(),
        &CastOptions {
            safe: true,
            ..CastOptions::default()
        },
    )?;
    for (row, reason) in reasons.iter_mut().enumerate() {
        if reason.is_none() && cast.is_null(row) {
            if array.is_valid(row) {
                *reason = Some(format!("{} is not {}", column.name, wanted(column.kind)));
            } else if column.required {
                *reason = Some(format!("{} is empty", column.name));
            }
        }
    }
    Ok(cast)
}
