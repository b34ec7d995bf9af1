//! The LSTM over packed sequences, both directions: forward and backward (Hochreiter and Schmidhuber
//! 1997, with forget gates; gates in the order i, f, g, o, as PyTorch has them).
//!
//! Columns of the gates are reordered inside: 16 units' four gates stand in one panel of 64, so that
//! a tile of the product of inputs and states holds all that those units' cells need, and no gate is
//! written before its cell is done. Sequences are cut into blocks of a fixed number; a block of a
//! direction is one task, so results do not depend on the number of threads.

mod backward;
mod weights;

use rayon::iter::{IntoParallelIterator, ParallelIterator};

use super::math::{logistic, tanh};
use super::packing::Packing;
use super::panels::{Cells, Panels};
use super::simd::{Task, Vector, WIDTH, run};
use super::tile::{COLUMNS, Part, ROWS, Tile, rows, sum};
pub(crate) use backward::backward;
use weights::{bias, gates};

/// Sequences of a task: six tiles.
const BLOCK: usize = 6 * ROWS;

/// The weights of a direction.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Weights<'a> {
    /// [inputs, 4 · hidden].
    pub input: &'a [f32],
    /// [hidden, 4 · hidden].
    pub recurrent: &'a [f32],
    /// [4 · hidden].
    pub bias: &'a [f32],
}

impl Weights<'_> {
    fn hidden(&self) -> usize {
        self.bias.len() / 4
    }

    fn inputs(&self) -> usize {
        self.input.len() / self.bias.len()
    }
}

/// What the way back needs of a direction.
#[derive(Debug, Clone)]
pub(crate) struct Saved {
    /// Gates, as panels [hidden / 16][rows, 64].
    gates: Vec<f32>,
    /// Cells, [rows, hidden].
    cells: Vec<f32>,
    /// The state that entered each row's step, after dropout; [rows, hidden].
    entering: Vec<f32>,
}

/// A step of a block of sequences, as a direction goes.
#[derive(Clone, Copy)]
struct Step {
    /// The row of the block's first sequence, and how many of it have the step.
    row: usize,
    count: usize,
    /// The same of the step before.
    before: Option<(usize, usize)>,
    /// The same of the step after.
    after: Option<(usize, usize)>,
}

/// The steps of the sequences from rank `first` on, in the order in which a direction goes.
fn steps(packing: &Packing, first: usize, back: bool) -> impl DoubleEndedIterator<Item = Step> {
    let last = (first + BLOCK).min(packing.sequences());
    let longest = packing.lengths[first] as usize;
    let at = move |step: usize| {
        let count = packing.active(step).min(last) - first;
        (packing.row(step, first), count)
    };
    (0..longest).map(move |place| {
        let step = if back { longest - 1 - place } else { place };
        let other = |on: bool| {
            let other = if on == back {
                step.checked_sub(1)
            } else {
                Some(step + 1)
            };
            other.filter(|step| *step < longest).map(at)
        };
        let (row, count) = at(step);
        Step {
            row,
            count,
            before: other(false),
            after: other(true),
        }
    })
}

/// Both directions: states [rows, 2 · hidden], forward then backward, and what the way back needs.
/// `x`: [rows, inputs]. `dropout`: factors of the states that enter a step, [sequences, hidden] by
/// rank, for each direction. Hidden units are a multiple of 16.
pub(crate) fn forward(
    x: &[f32],
    packing: &Packing,
    weights: [Weights<'_>; 2],
    dropout: Option<[&[f32]; 2]>,
) -> (Vec<f32>, [Saved; 2]) {
    let (rows, hidden) = (packing.rows(), weights[0].hidden());
    let inputs = weights[0].inputs();
    assert!(hidden.is_multiple_of(WIDTH) && x.len() == rows * inputs);
    let zeros = |columns: usize| vec![0.0; rows * columns];
    let mut states = zeros(2 * hidden);
    let mut saved = [(); 2].map(|()| Saved {
        gates: zeros(4 * hidden),
        cells: zeros(hidden),
        entering: zeros(hidden),
    });
    let packed = rayon::join(|| gates(&weights[0]), || gates(&weights[1]));
    let out = Cells::new(&mut states);
    let [ahead, back] = &mut saved;
    let way = |back: bool, packed, weights: &Weights<'_>, saved: &'_ mut Saved| Way {
        x: x.as_ptr(),
        packing,
        back,
        weights: packed,
        bias: bias(weights),
        hidden,
        inputs,
        gates: saved.gates.as_mut_ptr(),
        cells: saved.cells.as_mut_ptr(),
        entering: saved.entering.as_mut_ptr(),
        dropout: dropout.map(|masks| {
            assert_eq!(masks[0].len(), packing.sequences() * hidden);
            masks[usize::from(back)].as_ptr()
        }),
        states: out,
    };
    let ways = [
        way(false, packed.0, &weights[0], ahead),
        way(true, packed.1, &weights[1], back),
    ];
    let blocks = packing.sequences().div_ceil(BLOCK);
    (0..2 * blocks).into_par_iter().for_each(|task| {
        run(Block {
            way: &ways[task % 2],
            first: task / 2 * BLOCK,
        });
    });
    (states, saved)
}

/// A direction on its way.
struct Way<'a> {
    x: *const f32,
    packing: &'a Packing,
    back: bool,
    weights: Panels,
    bias: Vec<f32>,
    hidden: usize,
    inputs: usize,
    gates: *mut f32,
    cells: *mut f32,
    entering: *mut f32,
    dropout: Option<*const f32>,
    states: Cells<'a>,
}

// SAFETY: tasks of a direction read and write rows of their own sequences only; the weights are read.
unsafe impl Sync for Way<'_> {}

struct Block<'a> {
    way: &'a Way<'a>,
    first: usize,
}

impl Task for Block<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let way = self.way;
        let mut tile = Tile::ZERO;
        for step in steps(way.packing, self.first, way.back) {
            for panel in 0..way.hidden / WIDTH {
                for first in (0..step.count).step_by(ROWS) {
                    let count = ROWS.min(step.count - first);
                    // SAFETY: rows of this block are inside all buffers, and this task's alone.
                    unsafe {
                        let columns = way.weights.panel(panel);
                        let of_x = Part {
                            rows: rows(way.x, way.inputs, step.row + first, count),
                            step: 1,
                            inner: way.inputs,
                            runs: 1,
                            run: 0,
                            columns,
                            stride: COLUMNS,
                        };
                        let of_state = Part {
                            rows: rows(way.entering, way.hidden, step.row + first, count),
                            inner: way.hidden,
                            columns: columns.add(way.inputs * COLUMNS),
                            ..of_x
                        };
                        let parts = [of_x, of_state];
                        // At the beginning all states are zero.
                        let parts = &parts[..1 + usize::from(step.before.is_some())];
                        sum::<V>(parts, &mut tile);
                        for (at, sums) in tile.0[..count].iter().enumerate() {
                            self.cell::<V>(&step, first + at, panel, sums);
                        }
                    }
                }
            }
        }
    }
}

impl Block<'_> {
    /// Sixteen cells of the block's sequence `at`: gates, cells, states, and what enters the next step.
    #[inline(always)]
    unsafe fn cell<V: Vector>(&self, step: &Step, at: usize, panel: usize, sums: &[f32; COLUMNS]) {
        let way = self.way;
        let (row, unit) = (step.row + at, panel * WIDTH);
        // SAFETY: the caller's; a row's sixteen units are inside.
        unsafe {
            let bias = way.bias.as_ptr().add(panel * COLUMNS);
            let sums = sums.as_ptr();
            let i = logistic(V::load(sums).add(V::load(bias)));
            let f = logistic(V::load(sums.add(WIDTH)).add(V::load(bias.add(WIDTH))));
            let g = tanh(V::load(sums.add(2 * WIDTH)).add(V::load(bias.add(2 * WIDTH))));
            let o = logistic(V::load(sums.add(3 * WIDTH)).add(V::load(bias.add(3 * WIDTH))));
            let place = row * way.hidden + unit;
            let entered = match step.before {
                Some((row, count)) if at < count => {
                    V::load(way.cells.add((row + at) * way.hidden + unit))
                }
                _ => V::splat(0.0),
            };
            let cell = f.fma(entered, i.mul(g));
            let state = o.mul(tanh(cell));
            cell.store(way.cells.add(place));
            let gates = way.gates.add((panel * way.packing.rows() + row) * COLUMNS);
            i.store(gates);
            f.store(gates.add(WIDTH));
            g.store(gates.add(2 * WIDTH));
            o.store(gates.add(3 * WIDTH));
            let direction = usize::from(way.back) * way.hidden;
            let out = row * 2 * way.hidden + direction + unit;
            state.store(way.states.at(out, WIDTH));
            if let Some((row, count)) = step.after
                && at < count
            {
                let factor = match way.dropout {
                    Some(factors) => V::load(factors.add((self.first + at) * way.hidden + unit)),
                    None => V::splat(1.0),
                };
                let entering = way.entering.add((row + at) * way.hidden + unit);
                state.mul(factor).store(entering);
            }
        }
    }
}

#[cfg(test)]
mod tests;
