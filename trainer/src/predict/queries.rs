//! Baskets out of record batches.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{UInt32Type, UInt64Type};
use pannier_proto::ids::FIRST_ITEM;

use crate::error::TrainerError;

/// Column `query_id`: UInt64.
///
/// # Errors
/// [`TrainerError::Data`] where there is no such column.
pub(crate) fn ids(batch: &RecordBatch) -> Result<Vec<u64>, TrainerError> {
    let column = batch
        .column_by_name("query_id")
        .and_then(|c| c.as_primitive_opt::<UInt64Type>());
    let column = column.filter(|c| c.null_count() == 0);
    let column = column.ok_or_else(|| {
        TrainerError::data(
            "queries",
            "they have no column query_id: UInt64 without nulls",
        )
    })?;
    Ok(column.values().to_vec())
}

/// The first column of lists of UInt32, row by row: known real items, sorted, each once. PAD and
/// UNK are left out; a null is an empty basket. `rows`: indices there are.
///
/// # Errors
/// [`TrainerError::Data`] where there is no such column or an index is not in the vocab.
pub(crate) fn baskets(batch: &RecordBatch, rows: usize) -> Result<Vec<Vec<u32>>, TrainerError> {
    let missing = || TrainerError::data("baskets", "they have no column of type List(UInt32)");
    let lists = batch
        .columns()
        .iter()
        .find_map(|c| c.as_list_opt::<i32>())
        .ok_or_else(missing)?;
    let values = lists
        .values()
        .as_primitive_opt::<UInt32Type>()
        .ok_or_else(missing)?
        .values();
    let basket = |row: usize| {
        let (from, to) = (
            lists.offsets()[row] as usize,
            lists.offsets()[row + 1] as usize,
        );
        let range = if lists.is_null(row) { 0..0 } else { from..to };
        let mut items: Vec<u32> = values[range]
            .iter()
            .copied()
            .filter(|i| *i >= FIRST_ITEM)
            .collect();
        items.sort_unstable();
        items.dedup();
        match items.last() {
            Some(last) if *last as usize >= rows => {
                let reason = format!(
                    "item index {last} is not below {rows}: baskets and vocab are of different versions"
                );
                Err(TrainerError::data("baskets", reason))
            }
            _ => Ok(items),
        }
    };
    (0..lists.len()).map(basket).collect()
}
