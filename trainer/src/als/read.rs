//! From a feed of counts to a sparse matrix: a row for each user, in the feed's order.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Float32Type, UInt32Type};
use pannier_proto::feed::FeedSpec;
use pannier_proto::ids::FIRST_ITEM;

use super::entries::Entries;
use crate::columns;
use crate::error::TrainerError;
use crate::feed::{FeedContext, Reading};
use crate::names::Names;

/// What users bought.
pub(crate) struct Bought {
    pub users: Names,
    /// Users × real items.
    pub entries: Entries,
    pub reading: Reading,
}

/// Reads a whole feed of columns user_id, item_idx and count; rows of a user stand together, in the
/// order of item_idx. `items`: real items of the vocab.
///
/// # Errors
/// Those of the feed; [`TrainerError::Data`] where rows are not as said.
pub(crate) fn bought(
    context: &FeedContext,
    spec: &FeedSpec,
    items: usize,
) -> Result<Bought, TrainerError> {
    let (mut users, mut entries) = (Names::default(), Entries::none(items));
    let reading = context.read_all(spec, |batch| add(batch, &mut users, &mut entries))?;
    Ok(Bought {
        users,
        entries,
        reading,
    })
}

fn add(batch: &RecordBatch, names: &mut Names, entries: &mut Entries) -> Result<(), TrainerError> {
    let users = column(batch, "user_id", &DataType::Utf8)?;
    let items = column(batch, "item_idx", &DataType::UInt32)?;
    let counts = column(batch, "count", &DataType::Float32)?;
    let (users, items) = (users.as_string::<i32>(), items.as_primitive::<UInt32Type>());
    let counts = counts.as_primitive::<Float32Type>();
    for row in 0..batch.num_rows() {
        let user = users.value(row);
        if !names.ends_with(user) {
            names.push(user);
            entries.push_row();
        }
        let item = items.value(row).checked_sub(FIRST_ITEM).ok_or_else(|| {
            TrainerError::data("counts", "they hold PAD or UNK, which are no items")
        })?;
        entries.push(item as usize, counts.value(row))?;
    }
    Ok(())
}

fn column(batch: &RecordBatch, name: &str, to: &DataType) -> Result<ArrayRef, TrainerError> {
    let column = columns::column(batch, "counts", name, to)?;
    if column.null_count() > 0 {
        let reason = format!("column {name} has nulls");
        return Err(TrainerError::data("counts", reason));
    }
    Ok(column)
}
