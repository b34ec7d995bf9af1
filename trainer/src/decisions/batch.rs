//! Decisions out of record batches.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Float32Type, UInt32Type};
use pannier_wide_deep::Batch;

use crate::columns::column;
use crate::error::TrainerError;

/// What batches of decisions are called in errors.
const WHAT: &str = "decisions";

/// A column without nulls, cast.
fn whole(batch: &RecordBatch, name: &str, to: &DataType) -> Result<ArrayRef, TrainerError> {
    let column = column(batch, WHAT, name, to)?;
    if column.null_count() > 0 {
        let reason =
            format!("column {name} has nulls; say in the layout's SQL what stands for them");
        return Err(TrainerError::data(WHAT, reason));
    }
    Ok(column)
}

/// Indices of a column.
pub(crate) fn indices(batch: &RecordBatch, name: &str) -> Result<Vec<u32>, TrainerError> {
    let column = whole(batch, name, &DataType::UInt32)?;
    Ok(column.as_primitive::<UInt32Type>().values().to_vec())
}

/// Numbers of a column.
pub(crate) fn numbers(batch: &RecordBatch, name: &str) -> Result<Vec<f32>, TrainerError> {
    let column = whole(batch, name, &DataType::Float32)?;
    let numbers = column.as_primitive::<Float32Type>().values().to_vec();
    if numbers.iter().any(|x| !x.is_finite()) {
        let reason = format!("column {name} has values that are no numbers");
        return Err(TrainerError::data(WHAT, reason));
    }
    Ok(numbers)
}

/// Columns beside each other, row by row.
pub(crate) fn interleaved(columns: &[Vec<f32>], rows: usize) -> Vec<f32> {
    let mut all = vec![0.0; rows * columns.len()];
    for (at, column) in columns.iter().enumerate() {
        let places = all.iter_mut().skip(at).step_by(columns.len());
        places.zip(column).for_each(|(place, x)| *place = *x);
    }
    all
}

/// Decisions of a feed's batch with these columns of context.
///
/// # Errors
/// [`TrainerError::Data`] where a column is not there, has nulls, or holds something else.
pub(crate) fn decisions(batch: &RecordBatch, context: &[String]) -> Result<Batch, TrainerError> {
    let columns = context.iter().map(|name| numbers(batch, name));
    let columns = columns.collect::<Result<Vec<_>, _>>()?;
    Ok(Batch {
        users: indices(batch, "user_idx")?,
        items: indices(batch, "item_idx")?,
        categories: indices(batch, "category_idx")?,
        context: interleaved(&columns, batch.num_rows()),
        labels: numbers(batch, "label")?,
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Float32Array, Float64Array, Int64Array, UInt32Array};

    use super::*;

    fn rows(price: ArrayRef) -> RecordBatch {
        let index = |of: [u32; 2]| Arc::new(UInt32Array::from_iter_values(of)) as ArrayRef;
        RecordBatch::try_from_iter([
            ("user_idx", index([2, 1])),
            ("item_idx", index([3, 4])),
            (
                "category_idx",
                Arc::new(Int64Array::from(vec![2, 2])) as ArrayRef,
            ),
            ("label", Arc::new(Float32Array::from(vec![1.0, 0.0]))),
            ("views", Arc::new(Float32Array::from(vec![7.0, 8.0]))),
            ("price", price),
        ])
        .unwrap()
    }

    #[test]
    fn the_context_lies_row_by_row_in_the_order_asked_for() {
        let batch = rows(Arc::new(Float64Array::from(vec![1.5, 2.5])));
        let names = ["price".to_owned(), "views".to_owned()];
        let read = decisions(&batch, &names).unwrap();
        assert_eq!(read.context, [1.5, 7.0, 2.5, 8.0]);
        assert_eq!((read.users, read.items), (vec![2, 1], vec![3, 4]));
        assert_eq!((read.categories, read.labels), (vec![2, 2], vec![1.0, 0.0]));
        assert_eq!(decisions(&batch, &[]).unwrap().context, [0.0; 0]);
    }

    #[test]
    fn what_is_missing_is_named() {
        let of = |price: Vec<Option<f64>>| {
            let batch = rows(Arc::new(Float64Array::from(price)));
            decisions(&batch, &["price".to_owned()])
                .unwrap_err()
                .to_string()
        };
        assert!(of(vec![Some(1.0), None]).contains("column price has nulls"));
        assert!(of(vec![Some(1.0), Some(f64::NAN)]).contains("no numbers"));
        let batch = rows(Arc::new(Float64Array::from(vec![1.0, 2.0])));
        let missing = decisions(&batch, &["hour".to_owned()]).unwrap_err();
        assert!(missing.to_string().contains("no column hour"), "{missing}");
    }
}
