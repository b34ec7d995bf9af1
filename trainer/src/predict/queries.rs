//! Queries and baskets out of record batches.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, ListArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Float32Type, UInt32Type};
use pannier_proto::ids::FIRST_ITEM;

use crate::columns::column;
use crate::error::TrainerError;

/// What a ranking is asked for.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Query {
    /// Known real items, sorted, each once.
    pub items: Vec<u32>,
    /// How often each was bought; empty where that was not asked with.
    pub counts: Vec<f32>,
    /// A user's baskets, the oldest first, each as it was: real items, sorted, each once. Empty where
    /// that was not asked with.
    pub history: Vec<Vec<u32>>,
    /// The user's id; none where that was not asked with.
    pub user: Option<String>,
}

/// The queries of a batch: a column that names them, the first that holds no lists; `items`, and
/// where there are any `counts`, and with these `baskets` and `user_id`; or `baskets` alone, whose items
/// are counted. `rows`: indices there are.
///
/// # Errors
/// [`TrainerError::Data`] where a column is not as said or an index is not in the vocab.
pub(crate) fn queries(
    batch: &RecordBatch,
    rows: usize,
) -> Result<(ArrayRef, Vec<Query>), TrainerError> {
    let mut columns = batch.columns().iter();
    let names = columns.find(|c| c.as_list_opt::<i32>().is_none());
    let names = names.filter(|c| c.null_count() == 0).ok_or_else(|| {
        TrainerError::data(
            "queries",
            "they have no column without nulls that names them",
        )
    })?;
    if batch.column_by_name("items").is_none()
        && let Some(histories) = histories(batch, "queries", rows)?
    {
        let users = users(batch)?;
        let of = |(row, history)| counted(history, of_row(users.as_ref(), row));
        let queries = histories.into_iter().enumerate().map(of);
        return Ok((Arc::clone(names), queries.collect()));
    }
    let Some(counts) = batch.column_by_name("counts") else {
        let of_basket = |items| Query {
            items,
            ..Query::default()
        };
        let baskets = baskets(batch, rows)?.into_iter().map(of_basket);
        return Ok((Arc::clone(names), baskets.collect()));
    };
    let wrong = |reason: String| TrainerError::data("queries", reason);
    let to = DataType::List(Arc::new(Field::new("item", DataType::Float32, true)));
    let counts = cast(counts, &to).map_err(|e| wrong(format!("counts are no numbers: {e}")))?;
    let counts = counts.as_list::<i32>();
    let mut histories = histories(batch, "queries", rows)?
        .unwrap_or_default()
        .into_iter();
    let ids = users(batch)?;
    let users = baskets(batch, rows)?.into_iter().enumerate();
    let queries = users.map(|(row, items)| {
        let counts = if counts.is_null(row) {
            Vec::new()
        } else {
            counts
                .value(row)
                .as_primitive::<Float32Type>()
                .values()
                .to_vec()
        };
        if counts.len() != items.len() {
            let (counts, items) = (counts.len(), items.len());
            return Err(wrong(format!("{counts} counts of {items} items")));
        }
        let history = histories.next().unwrap_or_default();
        Ok(Query {
            items,
            counts,
            history,
            user: of_row(ids.as_ref(), row),
        })
    });
    Ok((Arc::clone(names), queries.collect::<Result<_, _>>()?))
}

/// Column `user_id` as text, where there is one.
fn users(batch: &RecordBatch) -> Result<Option<ArrayRef>, TrainerError> {
    let ids = batch.column_by_name("user_id");
    let ids = ids.map(|_| column(batch, "queries", "user_id", &DataType::Utf8));
    ids.transpose()
}

/// The user of a row.
fn of_row(ids: Option<&ArrayRef>, row: usize) -> Option<String> {
    let ids = ids?.as_string::<i32>();
    ids.is_valid(row).then(|| ids.value(row).to_owned())
}

/// A query of a user's baskets.
fn counted(history: Vec<Vec<u32>>, user: Option<String>) -> Query {
    let mut counts = BTreeMap::new();
    for item in history.iter().flatten() {
        *counts.entry(*item).or_insert(0.0) += 1.0;
    }
    Query {
        items: counts.keys().copied().collect(),
        counts: counts.into_values().collect(),
        history,
        user,
    }
}

/// Column `items`, lists of UInt32, row by row: known real items, sorted, each once. PAD and
/// UNK are left out; a null is an empty basket. `rows`: indices there are.
///
/// # Errors
/// [`TrainerError::Data`] where there is no such column or an index is not in the vocab.
pub(crate) fn baskets(batch: &RecordBatch, rows: usize) -> Result<Vec<Vec<u32>>, TrainerError> {
    let missing = || TrainerError::data("baskets", "they have no column items: List(UInt32)");
    let items = batch.column_by_name("items").ok_or_else(missing)?;
    each(items.as_list_opt::<i32>().ok_or_else(missing)?, rows)
}

/// Column `baskets`, lists of lists of UInt32, row by row, each basket as [`baskets`] has it; nothing
/// where there is no such column. `table`: what the batch is of, for errors.
///
/// # Errors
/// [`TrainerError::Data`] where the column is something else or an index is not in the vocab.
pub(crate) fn histories(
    batch: &RecordBatch,
    table: &'static str,
    rows: usize,
) -> Result<Option<Vec<Vec<Vec<u32>>>>, TrainerError> {
    let Some(column) = batch.column_by_name("baskets") else {
        return Ok(None);
    };
    let wrong = || TrainerError::data(table, "column baskets holds no lists of baskets");
    let users = column.as_list_opt::<i32>().ok_or_else(wrong)?;
    let all = users.values().as_list_opt::<i32>().ok_or_else(wrong)?;
    let mut all = each(all, rows)?;
    let history = |row: usize| {
        let (from, to) = (users.value_offsets()[row], users.value_offsets()[row + 1]);
        let range = if users.is_null(row) { 0..0 } else { from..to };
        range
            .map(|basket| std::mem::take(&mut all[basket as usize]))
            .collect()
    };
    Ok(Some((0..users.len()).map(history).collect()))
}

/// The baskets of a column.
fn each(lists: &ListArray, rows: usize) -> Result<Vec<Vec<u32>>, TrainerError> {
    let values = lists.values().as_primitive_opt::<UInt32Type>();
    let values = values
        .ok_or_else(|| TrainerError::data("baskets", "they hold no UInt32"))?
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
