//! The way back through attention.

use rayon::iter::{IntoParallelIterator, ParallelIterator};

use super::super::packing::Packing;
use super::super::panels::{Cells, Panels};
use super::super::product::{Finish, Outer, Rows, product};
use super::super::simd::{Task, Vector, WIDTH, run};
use super::super::tile::{COLUMNS, Tile};
use super::{BLOCK, Saved, Weights, padded, padded_rows};

/// Columns of the states that one task of an outer product has.
const LEFT: usize = 64;

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
    let hidden = products(&saved.bent, states, rows, weights, &mut of_states);
    of_score.truncate(units);
    of_bias.truncate(units);
    Gradients {
        states: of_states,
        hidden,
        bias: of_bias,
        score: of_score,
    }
}

/// The products: what the states get through their scores is added to `of_states`; the gradient of
/// the hidden weights. `bent`: the gradient of W h + b.
fn products(
    bent: &[f32],
    states: &[f32],
    rows: usize,
    weights: Weights<'_>,
    of_states: &mut [f32],
) -> Vec<f32> {
    let (width, units) = (weights.width(), weights.bias.len());
    let padded = units.next_multiple_of(COLUMNS);
    let panels = Panels::transposed(&padded_rows(weights.hidden, units), padded, width);
    let finish = Add {
        out: Cells::new(of_states),
        width,
    };
    let parts = width.div_ceil(LEFT);
    let tasks = (0..padded / COLUMNS * parts).into_par_iter().map(|task| {
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
    hidden
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
