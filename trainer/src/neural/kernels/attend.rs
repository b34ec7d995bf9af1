//! Additive attention over each sequence's states (Bahdanau et al. 2015): scores v · tanh(W h + b),
//! softmax over the sequence's own rows, and the weighted sum of its states. Nothing is masked, since
//! packed sequences have no rows that are not theirs.

mod backward;

use rayon::iter::{IntoParallelIterator, ParallelIterator};

use super::math::{exp, tanh};
use super::packing::Packing;
use super::panels::{Cells, Panels};
use super::product::{Finish, Rows, product};
use super::simd::{Task, Vector, WIDTH, run};
use super::tile::{COLUMNS, Tile};
pub(crate) use backward::backward;

/// Sequences of a task.
const BLOCK: usize = 8;
/// The weights.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Weights<'a> {
    /// W, [width, units].
    pub hidden: &'a [f32],
    /// b, [units].
    pub bias: &'a [f32],
    /// v, [units].
    pub score: &'a [f32],
}

impl Weights<'_> {
    fn width(&self) -> usize {
        self.hidden.len() / self.bias.len()
    }
}

/// What the way back needs.
#[derive(Debug, Clone)]
pub(crate) struct Saved {
    /// tanh(W h + b), as panels [units / 64][rows, 64].
    bent: Vec<f32>,
    /// Each row's share of its sequence, [rows].
    shares: Vec<f32>,
}

/// Numbers in whole panels, zeros behind the last.
fn padded(numbers: &[f32]) -> Vec<f32> {
    let mut padded = numbers.to_vec();
    padded.resize(numbers.len().next_multiple_of(COLUMNS), 0.0);
    padded
}

/// Rows of numbers, each in whole panels.
fn padded_rows(rows: &[f32], columns: usize) -> Vec<f32> {
    rows.chunks_exact(columns).flat_map(padded).collect()
}

/// A vector for each sequence, [sequences, width] by rank, of states [rows, width]. The width is a
/// multiple of 16.
pub(crate) fn forward(
    states: &[f32],
    packing: &Packing,
    weights: Weights<'_>,
) -> (Vec<f32>, Saved) {
    let (rows, width) = (packing.rows(), weights.width());
    assert!(width.is_multiple_of(WIDTH) && states.len() == rows * width);
    let units = weights.bias.len();
    let mut bent = vec![0.0; rows * units.next_multiple_of(COLUMNS)];
    let panels = Panels::new(weights.hidden, width, units);
    let (bias, score) = (padded(weights.bias), padded(weights.score));
    let finish = Bend {
        bias: &bias,
        out: Cells::new(&mut bent),
        rows,
    };
    product([(Rows::new(states, width), &panels)], &finish);
    let mut shares = vec![0.0; rows];
    let mut pooled = vec![0.0; packing.sequences() * width];
    let (of_shares, of_pooled) = (Cells::new(&mut shares), Cells::new(&mut pooled));
    let blocks = (0..packing.sequences().div_ceil(BLOCK)).into_par_iter();
    blocks.for_each(|block| {
        run(Pool {
            states,
            packing,
            bent: &bent,
            score: &score,
            width,
            block,
            shares: of_shares,
            pooled: of_pooled,
        });
    });
    (pooled, Saved { bent, shares })
}

/// Writes tanh(tile + b) into panels.
struct Bend<'a> {
    bias: &'a [f32],
    out: Cells<'a>,
    rows: usize,
}

impl Finish for Bend<'_> {
    #[inline(always)]
    unsafe fn tile<V: Vector>(&self, row: usize, count: usize, panel: usize, tile: &Tile) {
        for (at, sums) in tile.0[..count].iter().enumerate() {
            let place = (panel * self.rows + row + at) * COLUMNS;
            let out = self.out.at(place, COLUMNS);
            let bias = self.bias[panel * COLUMNS..][..COLUMNS].as_ptr();
            for lane in (0..COLUMNS).step_by(WIDTH) {
                // SAFETY: all three have 64 numbers there; tiles are of places of their own.
                unsafe {
                    let sum = V::load(sums.as_ptr().add(lane)).add(V::load(bias.add(lane)));
                    tanh(sum).store(out.add(lane));
                }
            }
        }
    }
}

struct Pool<'a> {
    states: &'a [f32],
    packing: &'a Packing,
    bent: &'a [f32],
    score: &'a [f32],
    width: usize,
    block: usize,
    shares: Cells<'a>,
    pooled: Cells<'a>,
}

impl Task for Pool<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let (packing, rows) = (self.packing, self.packing.rows());
        let last = packing.sequences().min((self.block + 1) * BLOCK);
        let mut shares = Vec::with_capacity(packing.longest().next_multiple_of(WIDTH));
        for rank in self.block * BLOCK..last {
            let length = packing.lengths[rank] as usize;
            shares.clear();
            // SAFETY: the caller's for the instructions; panels have 64 numbers a row.
            unsafe {
                for step in 0..length {
                    let row = packing.row(step, rank);
                    let mut sum = V::splat(0.0);
                    let mut unit = 0;
                    while unit < self.score.len() {
                        let (panel, lane) = (unit / COLUMNS, unit % COLUMNS);
                        let bent = &self.bent[(panel * rows + row) * COLUMNS + lane..][..WIDTH];
                        let score = V::load(self.score.as_ptr().add(unit));
                        sum = V::load(bent.as_ptr()).fma(score, sum);
                        unit += WIDTH;
                    }
                    shares.push(sum.sum());
                }
                softmax::<V>(&mut shares);
                let out = self.pooled.slice(rank * self.width, self.width);
                for lane in (0..self.width).step_by(WIDTH) {
                    let mut sum = V::splat(0.0);
                    for (step, share) in shares[..length].iter().enumerate() {
                        let at = packing.row(step, rank) * self.width + lane;
                        let state = V::load(self.states[at..at + WIDTH].as_ptr());
                        sum = V::splat(*share).fma(state, sum);
                    }
                    sum.store(out[lane..lane + WIDTH].as_mut_ptr());
                }
                for (step, share) in shares[..length].iter().enumerate() {
                    self.shares.at(packing.row(step, rank), 1).write(*share);
                }
            }
        }
    }
}

/// Scores become shares; the list may grow to a multiple of 16.
#[inline(always)]
unsafe fn softmax<V: Vector>(scores: &mut Vec<f32>) {
    let length = scores.len();
    let most = scores
        .iter()
        .fold(f32::NEG_INFINITY, |most, x| most.max(*x));
    scores.resize(length.next_multiple_of(WIDTH), most);
    for lanes in scores.chunks_exact_mut(WIDTH) {
        // SAFETY: the caller's for the instructions; sixteen numbers.
        unsafe { exp(V::load(lanes.as_ptr()).sub(V::splat(most))).store(lanes.as_mut_ptr()) };
    }
    let sum: f32 = scores[..length].iter().sum();
    scores[..length].iter_mut().for_each(|x| *x /= sum);
}

#[cfg(test)]
mod tests;
