//! The way back through the LSTM: first the gates' gradients, step by step, then those of weights and
//! inputs as a few large products.

use rayon::iter::{IntoParallelIterator, ParallelIterator};

use super::super::math::tanh;
use super::super::packing::Packing;
use super::super::panels::{Cells, Panels};
use super::super::product::{Finish, Outer, Rows, product};
use super::super::simd::{Task, Vector, WIDTH, run};
use super::super::tile::{COLUMNS, Part, ROWS, Tile, rows, sum};
use super::weights::{transposed, unpack};
use super::{BLOCK, Saved, Step, Weights, steps};

/// Columns of the left that one task of an outer product has.
const LEFT: usize = 64;

/// Gradients of a direction's weights, and of the inputs.
#[derive(Debug)]
pub(crate) struct Gradients {
    /// [rows, inputs].
    pub x: Vec<f32>,
    /// For each direction: [inputs, 4 · hidden], [hidden, 4 · hidden], [4 · hidden].
    pub weights: [[Vec<f32>; 3]; 2],
}

/// The gradients; `states`: that of the states, [rows, 2 · hidden]. The gates that were saved become
/// their gradients.
pub(crate) fn backward(
    states: &[f32],
    x: &[f32],
    packing: &Packing,
    weights: [Weights<'_>; 2],
    dropout: Option<[&[f32]; 2]>,
    mut saved: [Saved; 2],
) -> Gradients {
    let (hidden, inputs) = (weights[0].hidden(), weights[0].inputs());
    let blocks = packing.sequences().div_ceil(BLOCK);
    let back = |of: fn(&Weights<'_>) -> Panels| rayon::join(|| of(&weights[0]), || of(&weights[1]));
    let recurrent = back(|w| transposed(w.recurrent, w.hidden()));
    {
        let [ahead, behind] = &mut saved;
        let way = |back: bool, recurrent, saved: &mut Saved| Way {
            packing,
            back,
            recurrent,
            hidden,
            states,
            gates: saved.gates.as_mut_ptr(),
            cells: saved.cells.as_ptr(),
            dropout: dropout.map(|masks| masks[usize::from(back)]),
        };
        let ways = [
            way(false, recurrent.0, ahead),
            way(true, recurrent.1, behind),
        ];
        (0..2 * blocks).into_par_iter().for_each(|task| {
            run(Block {
                way: &ways[task % 2],
                first: task / 2 * BLOCK,
            });
        });
    }
    let mut of_x = vec![0.0; x.len()];
    let of_inputs = || {
        let input = back(|w| transposed(w.input, w.hidden()));
        let [ahead, behind] = [0, 1].map(|way| Rows::in_panels(&saved[way].gates, packing.rows()));
        let finish = Store {
            out: Cells::new(&mut of_x),
            columns: inputs,
        };
        product([(ahead, &input.0), (behind, &input.1)], &finish);
    };
    let (of_weights, ()) = rayon::join(
        || all_weights(x, packing, hidden, inputs, &saved),
        of_inputs,
    );
    Gradients {
        x: of_x,
        weights: of_weights,
    }
}

/// Writes tiles into rows of so many columns.
struct Store<'a> {
    out: Cells<'a>,
    columns: usize,
}

impl Finish for Store<'_> {
    #[inline(always)]
    unsafe fn tile<V: Vector>(&self, row: usize, count: usize, panel: usize, tile: &Tile) {
        let first = panel * COLUMNS;
        let width = COLUMNS.min(self.columns - first);
        for (at, sums) in tile.0[..count].iter().enumerate() {
            // SAFETY: tiles are of places of their own.
            let out = unsafe { self.out.slice((row + at) * self.columns + first, width) };
            out.copy_from_slice(&sums[..width]);
        }
    }
}

/// Gradients of both directions' weights: outer products of what entered with the gates' gradients.
fn all_weights(
    x: &[f32],
    packing: &Packing,
    hidden: usize,
    inputs: usize,
    saved: &[Saved; 2],
) -> [[Vec<f32>; 3]; 2] {
    let (panels, rows) = (hidden / WIDTH, packing.rows());
    let (of_x, of_states) = (inputs.div_ceil(LEFT), hidden.div_ceil(LEFT));
    let each = of_x + of_states;
    let tasks = (0..2 * panels * each).into_par_iter().map(|task| {
        let (saved, panel, part) = (
            &saved[task / each / panels],
            task / each % panels,
            task % each,
        );
        let (left, width, part) = match part.checked_sub(of_x) {
            None => (x, inputs, part),
            Some(part) => (&saved.entering[..], hidden, part),
        };
        let outer = Outer {
            left,
            stride: width,
            count: rows,
            from: part * LEFT,
            to: width.min((part + 1) * LEFT),
            right: &saved.gates[panel * rows * COLUMNS..][..rows * COLUMNS],
        };
        run(OfWeights {
            outer,
            with_bias: task % each == 0,
        })
    });
    let sums: Vec<(Vec<f32>, Option<[f32; COLUMNS]>)> = tasks.collect();
    let mut all = [(); 2]
        .map(|()| [inputs * 4 * hidden, hidden * 4 * hidden, 4 * hidden].map(|len| vec![0.0; len]));
    for (task, (sums, bias)) in sums.iter().enumerate() {
        let (way, panel, part) = (task / each / panels, task / each % panels, task % each);
        let [input, recurrent, of_bias] = &mut all[way];
        let (out, part) = match part.checked_sub(of_x) {
            None => (input, part),
            Some(part) => (recurrent, part),
        };
        unpack(panel, hidden, sums, &mut out[part * LEFT * 4 * hidden..]);
        if let Some(bias) = bias {
            unpack(panel, hidden, bias, of_bias);
        }
    }
    all
}

struct OfWeights<'a> {
    outer: Outer<'a>,
    with_bias: bool,
}

impl Task for OfWeights<'_> {
    type Output = (Vec<f32>, Option<[f32; COLUMNS]>);

    #[inline(always)]
    unsafe fn run<V: Vector>(self) -> Self::Output {
        let outer = self.outer;
        let mut out = vec![0.0; (outer.to - outer.from) * COLUMNS];
        // SAFETY: the caller's.
        unsafe { outer.sum::<V>(&mut out) };
        let bias = self.with_bias.then(|| {
            let mut bias = [0.0; COLUMNS];
            for lane in (0..COLUMNS).step_by(WIDTH) {
                // SAFETY: rows have 64 numbers; the caller's for the instructions.
                unsafe {
                    let mut sum = V::splat(0.0);
                    let mut at = lane;
                    while at < outer.right.len() {
                        sum = sum.add(V::load(outer.right.as_ptr().add(at)));
                        at += COLUMNS;
                    }
                    sum.store(bias.as_mut_ptr().add(lane));
                }
            }
            bias
        });
        (out, bias)
    }
}

/// A direction on its way back.
struct Way<'a> {
    packing: &'a Packing,
    back: bool,
    /// The transposed, its rows in the order of tiles.
    recurrent: Panels,
    hidden: usize,
    states: &'a [f32],
    gates: *mut f32,
    cells: *const f32,
    dropout: Option<&'a [f32]>,
}

// SAFETY: tasks of a direction read and write rows of their own sequences only.
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
        let sequences = BLOCK.min(way.packing.sequences() - self.first);
        // Gradients of what leaves a step for the next: states, and cells.
        let mut states = vec![0.0; sequences * way.hidden];
        let mut cells = vec![0.0; sequences * way.hidden];
        for step in steps(way.packing, self.first, way.back).rev() {
            // SAFETY: rows of this block are this task's alone; the caller's for the instructions.
            unsafe {
                for at in 0..step.count {
                    self.cells::<V>(&step, at, &states, &mut cells);
                }
                if let Some((_, before)) = step.before {
                    self.states::<V>(&step, before.min(step.count), &mut states);
                }
            }
        }
    }
}

impl Block<'_> {
    /// The gradients of the gates of the block's sequence `at`, and of the cells that entered.
    #[inline(always)]
    unsafe fn cells<V: Vector>(&self, step: &Step, at: usize, states: &[f32], cells: &mut [f32]) {
        let way = self.way;
        let (row, all) = (step.row + at, way.packing.rows());
        let direction = usize::from(way.back) * way.hidden;
        let outer = &way.states[row * 2 * way.hidden + direction..][..way.hidden];
        let inner = &states[at * way.hidden..][..way.hidden];
        let cells = &mut cells[at * way.hidden..][..way.hidden];
        for unit in (0..way.hidden).step_by(WIDTH) {
            // SAFETY: the caller's; sixteen units of a row are inside.
            unsafe {
                let one = V::splat(1.0);
                let gates = way.gates.add((unit / WIDTH * all + row) * COLUMNS);
                let (i, f) = (V::load(gates), V::load(gates.add(WIDTH)));
                let (g, o) = (V::load(gates.add(2 * WIDTH)), V::load(gates.add(3 * WIDTH)));
                let entered = match step.before {
                    Some((row, count)) if at < count => {
                        V::load(way.cells.add((row + at) * way.hidden + unit))
                    }
                    _ => V::splat(0.0),
                };
                let state =
                    V::load(outer.as_ptr().add(unit)).add(V::load(inner.as_ptr().add(unit)));
                let bent = tanh(V::load(way.cells.add(row * way.hidden + unit)));
                let later = cells.as_mut_ptr().add(unit);
                let cell = state.mul(o).fma(one.sub(bent.mul(bent)), V::load(later));
                let of_i = cell.mul(g).mul(i.mul(one.sub(i)));
                let of_f = cell.mul(entered).mul(f.mul(one.sub(f)));
                let of_g = cell.mul(i).mul(one.sub(g.mul(g)));
                let of_o = state.mul(bent).mul(o.mul(one.sub(o)));
                of_i.store(gates);
                of_f.store(gates.add(WIDTH));
                of_g.store(gates.add(2 * WIDTH));
                of_o.store(gates.add(3 * WIDTH));
                cell.mul(f).store(later);
            }
        }
    }

    /// The gradients of the states that entered the step, of the block's first `count` sequences.
    #[inline(always)]
    unsafe fn states<V: Vector>(&self, step: &Step, count: usize, states: &mut [f32]) {
        let way = self.way;
        let (hidden, all) = (way.hidden, way.packing.rows());
        let mut tile = Tile::ZERO;
        for panel in 0..way.recurrent.count() {
            let column = panel * COLUMNS;
            let width = COLUMNS.min(hidden - column);
            for first in (0..count).step_by(ROWS) {
                let valid = ROWS.min(count - first);
                // SAFETY: the caller's.
                unsafe {
                    let part = Part {
                        rows: rows(way.gates, COLUMNS, step.row + first, valid),
                        step: 1,
                        inner: COLUMNS,
                        runs: hidden / WIDTH,
                        run: all * COLUMNS,
                        columns: way.recurrent.panel(panel),
                        stride: COLUMNS,
                    };
                    sum::<V>(&[part], &mut tile);
                }
                for (at, sums) in tile.0[..valid].iter().enumerate() {
                    let out = &mut states[(first + at) * hidden + column..][..width];
                    match way.dropout {
                        None => out.copy_from_slice(&sums[..width]),
                        Some(factors) => {
                            let from = (self.first + first + at) * hidden + column;
                            let factors = &factors[from..from + width];
                            for (at, factor) in factors.iter().enumerate() {
                                out[at] = sums[at] * factor;
                            }
                        }
                    }
                }
            }
        }
    }
}
