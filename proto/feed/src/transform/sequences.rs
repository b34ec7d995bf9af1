//! A target basket of each sequence, with the baskets before it.

use std::sync::Arc;

use arrow::array::{Array, ListArray, RecordBatch, UInt32Array};
use arrow::buffer::OffsetBuffer;
use arrow::compute::take;
use arrow::datatypes::DataType;
use pannier_proto::feed::{KeyedRng, Part, Target};

use super::columns::{Output, histories, item_field, numbers, seeds};
use super::{Made, says};

/// Columns that the transform itself reads: baskets, train, valid.
const OWN: usize = 3;

pub fn make(rows: &RecordBatch, part: Part, target: Target, max_history: usize) -> Made {
    let (lists, inner, items) = histories(rows, 0)?;
    let (train, valid, seeds) = (numbers(rows, 1)?, numbers(rows, 2)?, seeds(rows)?);
    let mut history = Baskets::new(inner, items);
    let mut targets = Baskets::new(inner, items);
    let (mut outer, mut kept) = (vec![0i32], Vec::new());
    for (row, bounds) in lists.value_offsets().windows(2).enumerate() {
        let (first, count) = (bounds[0] as usize, (bounds[1] - bounds[0]) as usize);
        let train = train.value(row).max(0) as usize;
        let valid = valid.value(row).max(0) as usize;
        let (from, to) = match part {
            Part::Train => (0, train),
            Part::Valid => (train, train + valid),
            Part::Test => (train + valid, count),
        };
        let Some(at) = target_of(from, to.min(count), target, seeds[row]) else {
            continue;
        };
        let oldest = if max_history == 0 {
            0
        } else {
            at.saturating_sub(max_history)
        };
        history.extend(first + oldest..first + at);
        targets.extend(first + at..first + at + 1);
        outer.push(history.len() as i32);
        kept.push(row as u32);
    }
    let history = history.finish();
    let field = item_field(history.data_type().clone());
    let history = ListArray::new(
        field,
        OffsetBuffer::new(outer.into()),
        Arc::new(history),
        None,
    );
    let mut out = Output::default();
    out.made("history", Arc::new(history));
    out.made("target", Arc::new(targets.finish()));
    let kept = UInt32Array::from(kept);
    for at in OWN..rows.num_columns() - 1 {
        out.carried(rows, at, take(rows.column(at), &kept, None).map_err(says)?);
    }
    out.batch()
}

/// The target's place among a sequence's baskets; `None` where the part has no basket with a history.
fn target_of(from: usize, to: usize, target: Target, seed: u64) -> Option<usize> {
    let from = from.max(1);
    if from >= to {
        return None;
    }
    Some(match target {
        Target::First => from,
        Target::Last => to - 1,
        Target::Random => from + KeyedRng::new(seed).below((to - from) as u32) as usize,
    })
}

/// Copies baskets into lists of their own.
struct Baskets<'a> {
    offsets: &'a [i32],
    items: &'a [u32],
    ends: Vec<i32>,
    taken: Vec<u32>,
}

impl<'a> Baskets<'a> {
    fn new(baskets: &'a ListArray, items: &'a [u32]) -> Self {
        Self {
            offsets: baskets.value_offsets(),
            items,
            ends: vec![0],
            taken: Vec::new(),
        }
    }

    fn extend(&mut self, baskets: std::ops::Range<usize>) {
        let first = self.offsets[baskets.start];
        let before = self.taken.len() as i32;
        let ends = &self.offsets[baskets.start + 1..=baskets.end];
        self.ends
            .extend(ends.iter().map(|end| before + end - first));
        let last = self.offsets[baskets.end];
        self.taken
            .extend_from_slice(&self.items[first as usize..last as usize]);
    }

    fn len(&self) -> usize {
        self.ends.len() - 1
    }

    fn finish(self) -> ListArray {
        let values = Arc::new(UInt32Array::from(self.taken));
        let offsets = OffsetBuffer::new(self.ends.into());
        ListArray::new(item_field(DataType::UInt32), offsets, values, None)
    }
}
