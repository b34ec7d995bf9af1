//! Columns of gathered rows as the transforms take them.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, FixedSizeListArray, Int64Array, ListArray, RecordBatch, StringArray,
    UInt32Array,
};
use arrow::datatypes::{DataType, Field, FieldRef, Int64Type, Schema, UInt32Type, UInt64Type};

use super::{Made, RANDOM, says};

/// The columns that a transform makes. Their schema depends on nothing but the schema of the rows.
#[derive(Default)]
pub struct Output {
    fields: Vec<FieldRef>,
    columns: Vec<ArrayRef>,
}

impl Output {
    /// A column of the transform's own, without nulls.
    pub fn made(&mut self, name: &str, column: ArrayRef) {
        let field = Field::new(name, column.data_type().clone(), false);
        self.fields.push(Arc::new(field));
        self.columns.push(column);
    }

    /// A column of the rows, or what was taken of it.
    pub fn carried(&mut self, rows: &RecordBatch, at: usize, column: ArrayRef) {
        self.fields.push(Arc::clone(&rows.schema().fields()[at]));
        self.columns.push(column);
    }

    /// The batch.
    pub fn batch(self) -> Made {
        RecordBatch::try_new(Arc::new(Schema::new(self.fields)), self.columns).map_err(says)
    }
}

/// The column at a place, where it is one that `take` takes without nulls; `form` says what that is.
fn column<'a, T: 'a>(
    rows: &'a RecordBatch,
    at: usize,
    form: &str,
    take: impl Fn(&'a ArrayRef) -> Option<T>,
) -> Result<T, String> {
    let place = at + 1;
    let Some(column) = rows.columns().get(at) else {
        return Err(format!(
            "takes {form} as column {place}, and there are {}",
            rows.num_columns()
        ));
    };
    let (name, kind) = (rows.schema().field(at).name().clone(), column.data_type());
    if column.null_count() > 0 {
        return Err(format!(
            "takes no nulls, and column {place}, {name}, has some"
        ));
    }
    take(column).ok_or_else(|| format!("takes {form} as column {place}, and {name} is {kind}"))
}

/// Seeds of the rows: the last column.
pub fn seeds(rows: &RecordBatch) -> Result<&[u64], String> {
    let at = rows.num_columns().saturating_sub(1);
    column(rows, at, RANDOM, |c| {
        c.as_primitive_opt::<UInt64Type>().map(|p| &p.values()[..])
    })
}

/// Item indices.
pub fn items(rows: &RecordBatch, at: usize) -> Result<&[u32], String> {
    column(rows, at, "item indices (UInt32)", |c| {
        c.as_primitive_opt::<UInt32Type>().map(|p| &p.values()[..])
    })
}

/// Whole numbers.
pub fn numbers(rows: &RecordBatch, at: usize) -> Result<Int64Array, String> {
    column(rows, at, "whole numbers", |c| {
        let whole = c.data_type().is_integer();
        let cast = whole.then(|| arrow::compute::cast(c, &DataType::Int64).ok())??;
        Some(cast.as_primitive::<Int64Type>().clone())
    })
}

/// Texts.
pub fn texts(rows: &RecordBatch, at: usize) -> Result<&StringArray, String> {
    column(rows, at, "texts", |c| c.as_string_opt::<i32>())
}

/// Lists of item indices, and all of them in a row.
pub fn baskets(rows: &RecordBatch, at: usize) -> Result<(&ListArray, &[u32]), String> {
    column(rows, at, "baskets (List of UInt32)", |c| {
        let lists = c.as_list_opt::<i32>()?;
        Some((lists, list_items(lists)?))
    })
}

/// Lists of baskets, the baskets, and all their items in a row.
pub fn histories(
    rows: &RecordBatch,
    at: usize,
) -> Result<(&ListArray, &ListArray, &[u32]), String> {
    column(
        rows,
        at,
        "baskets in their order (List of List of UInt32)",
        |c| {
            let lists = c.as_list_opt::<i32>()?;
            let inner = lists.values().as_list_opt::<i32>()?;
            let items = list_items(inner).filter(|_| inner.null_count() == 0)?;
            Some((lists, inner, items))
        },
    )
}

fn list_items(lists: &ListArray) -> Option<&[u32]> {
    let items = lists.values();
    let items = items.as_primitive_opt::<UInt32Type>();
    items
        .filter(|i| i.null_count() == 0)
        .map(|i| &i.values()[..])
}

/// A field of items of a list.
pub fn item_field(kind: DataType) -> Arc<Field> {
    Arc::new(Field::new("item", kind, false))
}

/// A column of `draws` items for each row.
pub fn drawn(draws: usize, items: Vec<u32>) -> ArrayRef {
    let values = Arc::new(UInt32Array::from(items));
    Arc::new(FixedSizeListArray::new(
        item_field(DataType::UInt32),
        draws as i32,
        values,
        None,
    ))
}
