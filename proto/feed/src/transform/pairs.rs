//! Skipgram pairs of baskets, with negatives where the feed draws them.

use std::sync::Arc;

use arrow::array::{RecordBatch, UInt32Array};
use pannier_proto::feed::{KeyedRng, NoiseTable, PairMaker, PairWindow, mix};

use super::Made;
use super::columns::{Output, baskets, drawn, seeds};

/// Apart from a basket's own draws.
const NEGATIVES: u64 = 0x6E65_6761_7469_7665;

pub fn make(
    rows: &RecordBatch,
    window: PairWindow,
    first_item: u32,
    keep: &[u32],
    noise: Option<&(NoiseTable, usize)>,
) -> Made {
    let (lists, items) = baskets(rows, 0)?;
    let (offsets, seeds) = (lists.value_offsets(), seeds(rows)?);
    let mut maker = PairMaker::default();
    let (mut centers, mut contexts) = (Vec::new(), Vec::new());
    let mut negatives = Vec::new();
    for (bounds, seed) in offsets.windows(2).zip(seeds) {
        let basket = &items[bounds[0] as usize..bounds[1] as usize];
        let before = centers.len();
        maker.append(
            basket,
            first_item,
            window,
            keep,
            *seed,
            &mut centers,
            &mut contexts,
        );
        if let Some((table, draws)) = noise {
            let mut rng = KeyedRng::new(mix(seed ^ NEGATIVES));
            let all = (centers.len() - before) * draws;
            negatives.extend((0..all).map(|_| table.draw(&mut rng)));
        }
    }
    let mut out = Output::default();
    out.made("center", Arc::new(UInt32Array::from(centers)));
    out.made("context", Arc::new(UInt32Array::from(contexts)));
    if let Some((_, draws)) = noise {
        out.made("negatives", drawn(*draws, negatives));
    }
    out.batch()
}
