//! From a feed of sequences to a list of items for each user.

use arrow::array::{Array, AsArray, ListArray, RecordBatch};
use arrow::datatypes::{DataType, Int64Type, UInt32Type};
use pannier_proto::feed::FeedSpec;
use pannier_proto::ids::FIRST_ITEM;

use crate::columns::column;
use crate::error::TrainerError;
use crate::feed::{FeedContext, Reading};
use crate::names::Names;
use crate::sgns::Documents;

/// What users bought, in their order.
pub(crate) struct Read {
    pub names: Names,
    pub documents: Documents,
    pub reading: Reading,
}

/// Reads a whole feed of columns user_id, baskets: `List<List<UInt32>>` and train, how many of the
/// first baskets are for training. Users without any are left out, and so is UNK. `rows`: indices.
///
/// # Errors
/// Those of the feed; [`TrainerError::Data`] where rows are not as said.
pub(crate) fn read(
    context: &FeedContext,
    spec: &FeedSpec,
    rows: usize,
) -> Result<Read, TrainerError> {
    let (mut names, mut items, mut ends) = (Names::default(), Vec::new(), Vec::new());
    let reading = context.read_all(spec, |batch| add(batch, &mut names, &mut items, &mut ends))?;
    Ok(Read {
        names,
        documents: Documents::new(items, ends, rows)?,
        reading,
    })
}

fn add(
    batch: &RecordBatch,
    names: &mut Names,
    items: &mut Vec<u32>,
    ends: &mut Vec<usize>,
) -> Result<(), TrainerError> {
    let wrong = |reason: &str| TrainerError::data("sequences", reason);
    let users = column(batch, "sequences", "user_id", &DataType::Utf8)?;
    let train = column(batch, "sequences", "train", &DataType::Int64)?;
    let (users, train) = (users.as_string::<i32>(), train.as_primitive::<Int64Type>());
    let sequences = batch.column_by_name("baskets");
    let sequences = sequences.and_then(|column| column.as_list_opt::<i32>());
    let sequences = sequences.ok_or_else(|| wrong("no column baskets holds lists"))?;
    for row in 0..batch.num_rows() {
        let from = items.len();
        let baskets = sequences.value(row);
        let baskets: &ListArray = baskets
            .as_list_opt::<i32>()
            .ok_or_else(|| wrong("column baskets holds no lists of baskets"))?;
        let train = usize::try_from(train.value(row)).unwrap_or(0);
        for basket in 0..train.min(baskets.len()) {
            let basket = baskets.value(basket);
            let basket = basket.as_primitive_opt::<UInt32Type>();
            let basket = basket.ok_or_else(|| wrong("baskets hold no indices"))?;
            items.extend(basket.values().iter().copied().filter(|i| *i >= FIRST_ITEM));
        }
        if items.len() > from {
            names.push(users.value(row));
            ends.push(items.len());
        }
    }
    Ok(())
}
