//! Decisions with their context: those that were made, and drawn ones that were not.

use std::sync::Arc;

use arrow::array::{Float32Array, RecordBatch, UInt32Array};
use arrow::compute::take;
use pannier_proto::feed::{KeyedRng, NoiseTable, Part};

use super::columns::{Output, items, seeds, texts};
use super::{Made, says};

/// Columns that the transform itself reads: item_idx, split.
const OWN: usize = 2;

pub fn make(rows: &RecordBatch, part: Part, noise: Option<&(NoiseTable, usize)>) -> Made {
    let (items, splits, seeds) = (items(rows, 0)?, texts(rows, 1)?, seeds(rows)?);
    let each = 1 + noise.map_or(0, |(_, draws)| *draws);
    let (mut chosen, mut labels, mut of) = (Vec::new(), Vec::new(), Vec::new());
    for (row, item) in items.iter().enumerate() {
        if splits.value(row) != part.name() {
            continue;
        }
        chosen.push(*item);
        labels.push(1.0);
        if let Some((table, draws)) = noise {
            let mut rng = KeyedRng::new(seeds[row]);
            chosen.extend((0..*draws).map(|_| table.draw(&mut rng)));
            labels.resize(chosen.len(), 0.0);
        }
        of.extend(std::iter::repeat_n(row as u32, each));
    }
    let mut out = Output::default();
    out.carried(rows, 0, Arc::new(UInt32Array::from(chosen)));
    out.made("label", Arc::new(Float32Array::from(labels)));
    let of = UInt32Array::from(of);
    for at in OWN..rows.num_columns() - 1 {
        out.carried(rows, at, take(rows.column(at), &of, None).map_err(says)?);
    }
    out.batch()
}
