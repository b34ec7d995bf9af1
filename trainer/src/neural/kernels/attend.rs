//! Additive attention over each sequence's states (Bahdanau et al. 2015): scores v · tanh(W h + b),
//! softmax over the sequence's own rows, and the weighted sum of its states. Nothing is masked, since
//! packed sequences have no rows that are not theirs.

use rayon::iter::{IntoParallelIterator, ParallelIterator};

use super::math::{exp, tanh};
use super::packing::Packing;
use super::panels::{Cells, Panels};
use super::product::{Finish, Outer, Rows, product};
use super::simd::{Task, Vector, WIDTH, run};
use super::tile::{COLUMNS, Tile};

/// Sequences of a task.
const BLOCK: usize = 8;
/// Columns of the states that one task of an outer product has.
const LEFT: usize = 64;

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

/// Gradients.
#[derive(Debug)]
pub(crate) struct Gradients {
    /// [rows, width].
    pub states: Vec<f32>,
    /// As [`Weights`] has them.
    pub hidden: Vec<f32>,
    pub bias: Vec<f32>,
    pub score: Vec<f32>,
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

/// The gradients; `pooled`: that of the vectors, [sequences, width].
pub(crate) fn backward(
    pooled: &[f32],
    states: &[f32],
    packing: &Packing,
    weights: Weights<'_>,
    mut saved: Saved,
) -> Gradients {
    let (rows, width, units) = (packing.rows(), weights.width(), weights.bias.len());
    let score = padded(weights.score);
    let mut of_rows = vec![0.0; rows];
    let mut of_states = vec![0.0; rows * width];
    let (scores, out) = (Cells::new(&mut of_rows), Cells::new(&mut of_states));
    let blocks = packing.sequences().div_ceil(BLOCK);
    (0..blocks).into_par_iter().for_each(|block| {
        run(Unpool {
            pooled,
            states,
            packing,
            shares: &saved.shares,
            width,
            block,
            scores,
            out,
        });
    });
    // Small beside the products, and all in the order of rows.
    let mut of_score = vec![0.0; score.len()];
    let mut of_bias = vec![0.0; score.len()];
    for (panel, bent) in saved
        .bent
        .chunks_exact_mut((rows * COLUMNS).max(1))
        .enumerate()
    {
        let place = panel * COLUMNS..(panel + 1) * COLUMNS;
        run(Unbend {
            bent,
            rows: &of_rows,
            score: &score[place.clone()],
            of_score: &mut of_score[place.clone()],
            of_bias: &mut of_bias[place],
        });
    }
    let bent = &saved.bent;
    let panels = Panels::transposed(&padded_rows(weights.hidden, units), score.len(), width);
    let finish = Add {
        out: Cells::new(&mut of_states),
        width,
    };
    let parts = width.div_ceil(LEFT);
    let tasks = (0..score.len() / COLUMNS * parts)
        .into_par_iter()
        .map(|task| {
            let (panel, from) = (task / parts, task % parts * LEFT);
            run(OfHidden(Outer {
                left: states,
                stride: width,
                count: rows,
                from,
                to: width.min(from + LEFT),
                right: &bent[panel * rows * COLUMNS..][..rows * COLUMNS],
            }))
        });
    let (sums, ()) = rayon::join(
        || tasks.collect::<Vec<Vec<f32>>>(),
        || product([(Rows::in_panels(bent, rows), &panels)], &finish),
    );
    let mut hidden = vec![0.0; width * units];
    for (task, sums) in sums.iter().enumerate() {
        let (first, from) = (task / parts * COLUMNS, task % parts * LEFT);
        let count = COLUMNS.min(units - first);
        for (row, sums) in sums.chunks_exact(COLUMNS).enumerate() {
            hidden[(from + row) * units + first..][..count].copy_from_slice(&sums[..count]);
        }
    }
    of_score.truncate(units);
    of_bias.truncate(units);
    Gradients {
        states: of_states,
        hidden,
        bias: of_bias,
        score: of_score,
    }
}

struct OfHidden<'a>(Outer<'a>);

impl Task for OfHidden<'_> {
    type Output = Vec<f32>;

    #[inline(always)]
    unsafe fn run<V: Vector>(self) -> Vec<f32> {
        let mut out = vec![0.0; (self.0.to - self.0.from) * COLUMNS];
        // SAFETY: the caller's.
        unsafe { self.0.sum::<V>(&mut out) };
        out
    }
}

/// Adds tiles to rows.
struct Add<'a> {
    out: Cells<'a>,
    width: usize,
}

impl Finish for Add<'_> {
    #[inline(always)]
    unsafe fn tile<V: Vector>(&self, row: usize, count: usize, panel: usize, tile: &Tile) {
        let first = panel * COLUMNS;
        let lanes = COLUMNS.min(self.width - first);
        for (at, sums) in tile.0[..count].iter().enumerate() {
            let out = self.out.at((row + at) * self.width + first, lanes);
            for lane in (0..lanes).step_by(WIDTH) {
                // SAFETY: the width is a multiple of 16; tiles are of places of their own.
                unsafe {
                    let sum = V::load(out.add(lane)).add(V::load(sums.as_ptr().add(lane)));
                    sum.store(out.add(lane));
                }
            }
        }
    }
}

struct Unpool<'a> {
    pooled: &'a [f32],
    states: &'a [f32],
    packing: &'a Packing,
    shares: &'a [f32],
    width: usize,
    block: usize,
    scores: Cells<'a>,
    out: Cells<'a>,
}

impl Task for Unpool<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let packing = self.packing;
        let last = packing.sequences().min((self.block + 1) * BLOCK);
        let mut of_shares = Vec::with_capacity(packing.longest());
        for rank in self.block * BLOCK..last {
            let pooled = &self.pooled[rank * self.width..][..self.width];
            of_shares.clear();
            let (length, mut mean) = (packing.lengths[rank] as usize, 0.0);
            for step in 0..length {
                let row = packing.row(step, rank);
                let (place, share) = (row * self.width, self.shares[row]);
                let states = &self.states[place..][..self.width];
                // SAFETY: the width is a multiple of 16; rows are of this task's sequences alone.
                unsafe {
                    let out = self.out.slice(place, self.width);
                    let mut sum = V::splat(0.0);
                    for lane in (0..self.width).step_by(WIDTH) {
                        let of = V::load(pooled.as_ptr().add(lane));
                        sum = of.fma(V::load(states.as_ptr().add(lane)), sum);
                        of.mul(V::splat(share)).store(out.as_mut_ptr().add(lane));
                    }
                    let sum = sum.sum();
                    mean += share * sum;
                    of_shares.push(sum);
                }
            }
            for (step, of) in of_shares.iter().enumerate() {
                let row = packing.row(step, rank);
                // SAFETY: as above.
                unsafe { self.scores.at(row, 1).write(self.shares[row] * (of - mean)) };
            }
        }
    }
}

/// A panel of tanh(W h + b) becomes the gradient of W h + b.
struct Unbend<'a> {
    bent: &'a mut [f32],
    rows: &'a [f32],
    score: &'a [f32],
    of_score: &'a mut [f32],
    of_bias: &'a mut [f32],
}

impl Task for Unbend<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        for lane in (0..COLUMNS).step_by(WIDTH) {
            // SAFETY: rows of a panel have 64 numbers; the caller's for the instructions.
            unsafe {
                let one = V::splat(1.0);
                let score = V::load(self.score[lane..lane + WIDTH].as_ptr());
                let (mut of_score, mut of_bias) = (V::splat(0.0), V::splat(0.0));
                for (row, of_row) in self.rows.iter().enumerate() {
                    let at = self.bent[row * COLUMNS..][..COLUMNS].as_mut_ptr().add(lane);
                    let of_row = V::splat(*of_row);
                    let bent = V::load(at);
                    of_score = bent.fma(of_row, of_score);
                    let of = of_row.mul(score).mul(one.sub(bent.mul(bent)));
                    of_bias = of_bias.add(of);
                    of.store(at);
                }
                of_score.store(self.of_score[lane..lane + WIDTH].as_mut_ptr());
                of_bias.store(self.of_bias[lane..lane + WIDTH].as_mut_ptr());
            }
        }
    }
}

#[cfg(test)]
mod tests;
