//! How often a user had an item, and how sure that makes one.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float32Array, RecordBatch};
use pannier_proto::feed::{KeyedRng, NoiseTable};

use super::Made;
use super::columns::{Output, drawn, items, numbers, seeds};

pub fn make(rows: &RecordBatch, alpha: f32, noise: Option<&(NoiseTable, usize)>) -> Made {
    items(rows, 1)?;
    let counts = numbers(rows, 2)?;
    let confidence = counts
        .values()
        .iter()
        .map(|count| 1.0 + alpha * *count as f32);
    let confidence: ArrayRef = Arc::new(Float32Array::from_iter_values(confidence));
    let mut out = Output::default();
    for at in 0..rows.num_columns() - 1 {
        out.carried(rows, at, Arc::clone(rows.column(at)));
    }
    out.made("confidence", confidence);
    if let Some((table, draws)) = noise {
        let mut taken = Vec::with_capacity(rows.num_rows() * draws);
        for seed in seeds(rows)? {
            let mut rng = KeyedRng::new(*seed);
            taken.extend((0..*draws).map(|_| table.draw(&mut rng)));
        }
        out.made("negatives", drawn(*draws, taken));
    }
    out.batch()
}
