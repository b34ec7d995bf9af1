//! The best columns of every row: scores block by block, of which only the best so far are kept.
//! Rows × columns scores are never in memory.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use rayon::iter::{IndexedParallelIterator, IntoParallelIterator, ParallelIterator};

use super::factors::Factors;
use super::product::{Matrix, product};
use crate::lanes::{WIDTH, floats};

/// Columns of a block of scores, and rows at most: a megabyte, with which products are twice as fast
/// as with a sixteenth of it.
const COLUMNS: usize = 512;
const ROWS: usize = 512;
/// Blocks of rows at least, so that every thread has some; but none of fewer rows than this.
const BLOCKS: usize = 16;
const FEW_ROWS: usize = 64;
/// Scores that are compared with the worst place at once.
const SCORES: usize = 32;

/// A column and its score; a higher score is better, and of equals the smaller column.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Place {
    /// The column.
    pub column: u32,
    /// Product of its vector and the row's.
    pub score: f32,
}

impl Eq for Place {}

impl Ord for Place {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let by_score = self.score.total_cmp(&other.score);
        by_score.then(other.column.cmp(&self.column))
    }
}

impl PartialOrd for Place {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// The `k` best columns of every row, best first; fewer where there are fewer. `left_out` gives the
/// columns, ascending, that a row shall not get. On the pool of the calling thread; the places do not
/// depend on the number of its threads.
pub fn top<'a>(
    rows: &Factors,
    columns: &Factors,
    k: usize,
    left_out: impl Fn(usize) -> &'a [u32] + Sync,
) -> Vec<Vec<Place>> {
    let block_rows = rows.rows().div_ceil(BLOCKS).clamp(FEW_ROWS, ROWS);
    let blocks = (0..rows.rows().div_ceil(block_rows))
        .into_par_iter()
        .with_max_len(1);
    let places = blocks.map_init(
        || vec![0.0; block_rows * COLUMNS],
        |scores, block| {
            let from = block * block_rows;
            let count = block_rows.min(rows.rows() - from);
            of_block(rows, from, count, columns, k, &left_out, scores)
        },
    );
    places.collect::<Vec<_>>().into_iter().flatten().collect()
}

fn of_block<'a>(
    rows: &Factors,
    from: usize,
    count: usize,
    columns: &Factors,
    k: usize,
    left_out: &impl Fn(usize) -> &'a [u32],
    scores: &mut [f32],
) -> Vec<Vec<Place>> {
    let (dim, stride) = (rows.dim(), rows.lanes * WIDTH);
    let x = Matrix::by_rows(&floats(&rows.values)[from * stride..], count, dim, stride);
    let mut best: Vec<Best> = (0..count).map(|_| Best::new(k)).collect();
    for first in (0..columns.rows()).step_by(COLUMNS) {
        let width = COLUMNS.min(columns.rows() - first);
        let y = &floats(&columns.values)[first * stride..];
        let y = Matrix::by_rows(y, width, dim, stride);
        product(scores, COLUMNS, 0.0, x, y.transposed(), 1.0);
        for (at, best) in best.iter_mut().enumerate() {
            let scores = &mut scores[at * COLUMNS..][..width];
            let out = left_out(from + at);
            let own = out.partition_point(|c| (*c as usize) < first);
            for column in out[own..].iter().map(|c| *c as usize) {
                match scores.get_mut(column - first) {
                    Some(score) => *score = f32::NEG_INFINITY,
                    None => break,
                }
            }
            best.look_at(scores, first as u32);
        }
    }
    best.into_iter().map(Best::places).collect()
}

/// The best places so far.
struct Best {
    k: usize,
    /// The worst of them on top.
    heap: BinaryHeap<Reverse<Place>>,
    /// A score that is not above this has no place.
    worst: f32,
}

impl Best {
    fn new(k: usize) -> Self {
        Self {
            k,
            heap: BinaryHeap::with_capacity(k + 1),
            worst: f32::NEG_INFINITY,
        }
    }

    fn look_at(&mut self, scores: &[f32], first: u32) {
        for (some, scores) in scores.chunks(SCORES).enumerate() {
            let any = scores
                .iter()
                .fold(false, |any, score| any | (*score > self.worst));
            if any {
                let from = first + (some * SCORES) as u32;
                self.take(scores, from);
            }
        }
    }

    fn take(&mut self, scores: &[f32], first: u32) {
        for (column, score) in (first..).zip(scores) {
            // Columns come in order: of equal scores the first stays.
            if *score > self.worst && self.k > 0 {
                let (column, score) = (column, *score);
                self.heap.push(Reverse(Place { column, score }));
                if self.heap.len() > self.k {
                    self.heap.pop();
                }
                if self.heap.len() == self.k {
                    self.worst = self.heap.peek().map_or(self.worst, |worst| worst.0.score);
                }
            }
        }
    }

    fn places(self) -> Vec<Place> {
        let sorted = self.heap.into_sorted_vec();
        sorted.into_iter().map(|place| place.0).collect()
    }
}
