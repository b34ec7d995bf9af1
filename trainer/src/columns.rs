//! A column of a batch as the type that it is used as.

use arrow::array::{ArrayRef, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::DataType;

use crate::error::TrainerError;

/// A column by name, cast. `table`: what the batch is of, for errors.
///
/// # Errors
/// [`TrainerError::Data`] where there is no such column, or it cannot be cast.
pub(crate) fn column(
    batch: &RecordBatch,
    table: &'static str,
    name: &str,
    to: &DataType,
) -> Result<ArrayRef, TrainerError> {
    let wrong = |reason: String| TrainerError::data(table, reason);
    let column = batch.column_by_name(name);
    let column = column.ok_or_else(|| wrong(format!("they have no column {name}")))?;
    cast(column, to).map_err(|e| wrong(format!("column {name} is no {to}: {e}")))
}
