//! From a step's rows to its batch: narrow, row by row, keyed randomness. Pure.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, ListArray, UInt32Array};
use arrow::compute::take_record_batch;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, UInt32Type};
use arrow::record_batch::RecordBatch;
use pannier_proto::feed::{EpochOrder, FeedSpec, PairMaker, PairWindow, Transform};

use crate::error::FeedError;
use crate::feed::window::WindowData;

/// The rows of a step that lie in one window: the window and places of its order.
pub type Piece<'a> = (&'a WindowData, std::ops::Range<u64>);

/// Makes a step's batch.
///
/// # Errors
/// Where the columns are not what the transform takes.
pub fn step(
    spec: &FeedSpec,
    order: &EpochOrder,
    pieces: &[Piece<'_>],
) -> Result<RecordBatch, FeedError> {
    match &spec.transform {
        Transform::Select => select(pieces),
        Transform::Pairs {
            window,
            first_item,
            keep,
        } => pairs(order, pieces, *window, *first_item, keep),
    }
}

fn select(pieces: &[Piece<'_>]) -> Result<RecordBatch, FeedError> {
    let decode = |e: arrow::error::ArrowError| FeedError::Decode(e.to_string());
    let mut taken = Vec::with_capacity(pieces.len());
    for (window, range) in pieces {
        let places = &window.order[range.start as usize..range.end as usize];
        let rows = UInt32Array::from_iter_values(places.iter().map(|(_, row)| *row));
        taken.push(take_record_batch(&window.rows, &rows).map_err(decode)?);
    }
    let Some(first) = taken.first() else {
        return Err(FeedError::Mismatch("a step has no rows".into()));
    };
    arrow::compute::concat_batches(&first.schema(), &taken).map_err(decode)
}

/// Schema of a batch of pairs.
#[must_use]
pub fn pair_schema() -> SchemaRef {
    let field = |name| Field::new(name, DataType::UInt32, false);
    Arc::new(Schema::new(vec![field("center"), field("context")]))
}

fn pairs(
    order: &EpochOrder,
    pieces: &[Piece<'_>],
    window: PairWindow,
    first_item: u32,
    keep: &[u32],
) -> Result<RecordBatch, FeedError> {
    let mut maker = PairMaker::default();
    let (mut centers, mut contexts) = (Vec::new(), Vec::new());
    for (data, range) in pieces {
        let (lists, items) = baskets(&data.rows)?;
        let offsets = lists.value_offsets();
        for (id, row) in &data.order[range.start as usize..range.end as usize] {
            let basket =
                &items[offsets[*row as usize] as usize..offsets[*row as usize + 1] as usize];
            maker.append(
                basket,
                first_item,
                window,
                keep,
                order.row_seed(*id),
                &mut centers,
                &mut contexts,
            );
        }
    }
    let columns: Vec<ArrayRef> = vec![
        Arc::new(UInt32Array::from(centers)),
        Arc::new(UInt32Array::from(contexts)),
    ];
    RecordBatch::try_new(pair_schema(), columns).map_err(|e| FeedError::Decode(e.to_string()))
}

/// The first column as lists, and all their items.
fn baskets(rows: &RecordBatch) -> Result<(&ListArray, &[u32]), FeedError> {
    let lists = rows
        .column(0)
        .as_list_opt::<i32>()
        .filter(|l| l.value_type() == DataType::UInt32 && l.values().null_count() == 0);
    let lists = lists.ok_or_else(|| {
        FeedError::Mismatch(format!(
            "pairs are made of a List(UInt32), not of {}",
            rows.column(0).data_type()
        ))
    })?;
    Ok((lists, lists.values().as_primitive::<UInt32Type>().values()))
}
