//! Adam (Kingma and Ba 2015) and AdamW (Loshchilov and Hutter 2019), in one pass over the weights, and
//! for tables of which a step has only some rows.
//!
//! Rows that no step had lately are brought up to date when they are needed: every missed step is
//! made up for with a gradient of zero, at that step's rate, as if all rows had been updated in every
//! step. So a sparse update is the dense one, but for [`FORGOTTEN`] steps after a row's last gradient:
//! from there on its mean is below a float's precision, and it is left alone.

use rayon::iter::{IndexedParallelIterator, ParallelIterator};
use rayon::slice::{ParallelSlice, ParallelSliceMut};

use super::panels::Cells;
use super::simd::{Task, Vector, WIDTH, run};

pub(crate) const BETA_1: f32 = 0.9;
pub(crate) const BETA_2: f32 = 0.999;
/// As PyTorch's.
pub(crate) const EPSILON: f32 = 1e-8;
/// .9^160 < 2^-24.
const FORGOTTEN: u32 = 160;
/// Numbers of a task.
const BLOCK: usize = 8192;
/// Rows of a task.
const ROWS: usize = 64;

/// What a step does to every weight.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Step {
    /// Learning rate over (1 - β₁^t).
    pub rate: f32,
    /// 1 / √(1 - β₂^t).
    pub root: f32,
    /// What the gradients are multiplied with: the clipping.
    pub scale: f32,
    /// A weight times this is added to its gradient.
    pub l2: f32,
    /// What is left of a weight: AdamW's decay.
    pub keep: f32,
}

impl Step {
    /// Step `t`, from 1, at a learning rate.
    pub(crate) fn new(t: u64, rate: f64) -> Self {
        let left = |beta: f32| 1.0 - f64::from(beta).powf(t as f64);
        Self {
            rate: (rate / left(BETA_1)) as f32,
            root: (1.0 / left(BETA_2).sqrt()) as f32,
            scale: 1.0,
            l2: 0.0,
            keep: 1.0,
        }
    }

    /// The same with decay: `l2` as a part of the gradient, `decay` apart from it.
    pub(crate) fn decaying(self, l2: f64, decay: f64) -> Self {
        Self {
            l2: l2 as f32,
            keep: (1.0 - decay) as f32,
            ..self
        }
    }
}

/// Means and squares of gradients, and the weights they move.
struct Moved<'a> {
    weights: &'a mut [f32],
    gradients: Option<&'a [f32]>,
    means: &'a mut [f32],
    squares: &'a mut [f32],
    steps: &'a [Step],
}

impl Task for Moved<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let len = self.weights.len();
        for at in (0..len / WIDTH * WIDTH).step_by(WIDTH) {
            // SAFETY: sixteen numbers each; the caller's for the instructions.
            unsafe {
                let mut w = V::load(self.weights[at..at + WIDTH].as_ptr());
                let mut m = V::load(self.means[at..at + WIDTH].as_ptr());
                let mut v = V::load(self.squares[at..at + WIDTH].as_ptr());
                let gradient = match self.gradients {
                    Some(gradients) => V::load(gradients[at..at + WIDTH].as_ptr()),
                    None => V::splat(0.0),
                };
                for step in self.steps {
                    [w, m, v] = moved::<V>(step, gradient, [w, m, v]);
                }
                w.store(self.weights[at..at + WIDTH].as_mut_ptr());
                m.store(self.means[at..at + WIDTH].as_mut_ptr());
                v.store(self.squares[at..at + WIDTH].as_mut_ptr());
            }
        }
        let rest = len / WIDTH * WIDTH..len;
        if !rest.is_empty() {
            // The last numbers, with zeros behind them.
            let mut ends = [[0.0f32; WIDTH]; 4];
            let count = rest.len();
            ends[0][..count].copy_from_slice(&self.weights[rest.clone()]);
            ends[1][..count].copy_from_slice(&self.means[rest.clone()]);
            ends[2][..count].copy_from_slice(&self.squares[rest.clone()]);
            if let Some(gradients) = self.gradients {
                ends[3][..count].copy_from_slice(&gradients[rest.clone()]);
            }
            // SAFETY: sixteen numbers each; the caller's for the instructions.
            unsafe {
                let [mut w, mut m, mut v, gradient] = [
                    V::load(ends[0].as_ptr()),
                    V::load(ends[1].as_ptr()),
                    V::load(ends[2].as_ptr()),
                    V::load(ends[3].as_ptr()),
                ];
                for step in self.steps {
                    [w, m, v] = moved::<V>(step, gradient, [w, m, v]);
                }
                w.store(ends[0].as_mut_ptr());
                m.store(ends[1].as_mut_ptr());
                v.store(ends[2].as_mut_ptr());
            }
            self.weights[rest.clone()].copy_from_slice(&ends[0][..count]);
            self.means[rest.clone()].copy_from_slice(&ends[1][..count]);
            self.squares[rest].copy_from_slice(&ends[2][..count]);
        }
    }
}

/// Sixteen weights, means and squares after a step.
#[inline(always)]
unsafe fn moved<V: Vector>(step: &Step, gradient: V, [w, m, v]: [V; 3]) -> [V; 3] {
    // SAFETY: the caller's.
    unsafe {
        let g = gradient.mul(V::splat(step.scale));
        let g = w.fma(V::splat(step.l2), g);
        let m = m.fma(V::splat(BETA_1), g.mul(V::splat(1.0 - BETA_1)));
        let v = v.fma(V::splat(BETA_2), g.mul(g).mul(V::splat(1.0 - BETA_2)));
        let size = v.sqrt().fma(V::splat(step.root), V::splat(EPSILON));
        let by = m.mul(V::splat(step.rate)).div(size);
        [w.mul(V::splat(step.keep)).sub(by), m, v]
    }
}

/// What Adam keeps of some weights.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Moments {
    /// Means of gradients.
    pub means: Vec<f32>,
    /// Means of their squares.
    pub squares: Vec<f32>,
}

impl Moments {
    /// Of so many weights that had no gradient yet.
    pub(crate) fn new(len: usize) -> Self {
        Self {
            means: vec![0.0; len],
            squares: vec![0.0; len],
        }
    }

    /// Moves all weights.
    pub(crate) fn step(&mut self, weights: &mut [f32], gradients: &[f32], step: Step) {
        assert!(weights.len() == gradients.len() && weights.len() == self.means.len());
        let state = weights
            .par_chunks_mut(BLOCK)
            .zip(gradients.par_chunks(BLOCK));
        let moments = self
            .means
            .par_chunks_mut(BLOCK)
            .zip(self.squares.par_chunks_mut(BLOCK));
        state
            .zip(moments)
            .for_each(|((weights, gradients), (means, squares))| {
                run(Moved {
                    weights,
                    gradients: Some(gradients),
                    means,
                    squares,
                    steps: &[step],
                });
            });
    }
}

/// What Adam keeps of a table of rows.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct RowMoments {
    pub moments: Moments,
    /// By row: the step of its last gradient; 0: none yet.
    pub learned: Vec<u32>,
    /// By row: the step that it is brought up to.
    pub current: Vec<u32>,
    /// Every step so far.
    pub steps: Vec<Step>,
}

impl RowMoments {
    /// Of a table of rows of `dim` numbers.
    pub(crate) fn new(rows: usize, dim: usize) -> Self {
        Self {
            moments: Moments::new(rows * dim),
            learned: vec![0; rows],
            current: vec![0; rows],
            steps: Vec::new(),
        }
    }

    /// Makes up for the steps that some rows missed. `rows`: each once.
    pub(crate) fn catch_up(&mut self, table: &mut [f32], rows: &[u32]) {
        self.on_rows(table, rows, None);
    }

    /// The same for all rows.
    pub(crate) fn catch_up_all(&mut self, table: &mut [f32]) {
        let all: Vec<u32> = (0..self.learned.len() as u32).collect();
        self.on_rows(table, &all, None);
    }

    /// Moves rows, each once, which must be up to date; `gradients`: [rows, dim].
    pub(crate) fn step(&mut self, table: &mut [f32], rows: &[u32], gradients: &[f32], step: Step) {
        self.steps.push(step);
        self.on_rows(table, rows, Some(gradients));
    }

    fn on_rows(&mut self, table: &mut [f32], rows: &[u32], gradients: Option<&[f32]>) {
        let dim = table.len() / self.learned.len().max(1);
        let now = self.steps.len() as u32;
        let steps = &self.steps;
        let (learned, current) = (&self.learned, &self.current);
        assert!(gradients.is_none_or(|g| g.len() == rows.len() * dim));
        let weights = Cells::new(table);
        let means = Cells::new(&mut self.moments.means);
        let squares = Cells::new(&mut self.moments.squares);
        rows.par_chunks(ROWS).enumerate().for_each(|(block, of)| {
            for (at, row) in of.iter().enumerate() {
                let row = *row as usize;
                let place = (block * ROWS + at) * dim;
                let missed = match gradients {
                    Some(_) => now - 1..now,
                    None => {
                        current[row]
                            ..now
                                .min(learned[row].saturating_add(FORGOTTEN))
                                .max(current[row])
                    }
                };
                if missed.is_empty() || gradients.is_none() && learned[row] == 0 {
                    continue;
                }
                // SAFETY: rows come once each.
                unsafe {
                    run(Moved {
                        weights: weights.slice(row * dim, dim),
                        gradients: gradients.map(|g| &g[place..place + dim]),
                        means: means.slice(row * dim, dim),
                        squares: squares.slice(row * dim, dim),
                        steps: &steps[missed.start as usize..missed.end as usize],
                    });
                }
            }
        });
        for row in rows {
            self.current[*row as usize] = now;
            if gradients.is_some() {
                self.learned[*row as usize] = now;
            }
        }
    }
}

/// Σ x² of some numbers; the same for every number of threads.
pub(crate) fn squares(numbers: &[f32]) -> f64 {
    let sums: Vec<f64> = numbers
        .par_chunks(BLOCK)
        .map(|chunk| run(Squares(chunk)))
        .collect();
    sums.iter().sum()
}

struct Squares<'a>(&'a [f32]);

impl Task for Squares<'_> {
    type Output = f64;

    #[inline(always)]
    unsafe fn run<V: Vector>(self) -> f64 {
        let whole = self.0.len() / WIDTH * WIDTH;
        let rest: f32 = self.0[whole..].iter().map(|x| x * x).sum();
        // SAFETY: the caller's for the instructions; slices of sixteen.
        unsafe {
            let mut sum = V::splat(0.0);
            let mut at = 0;
            while at < whole {
                let x = V::load(self.0[at..at + WIDTH].as_ptr());
                sum = x.fma(x, sum);
                at += WIDTH;
            }
            f64::from(sum.sum()) + f64::from(rest)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::some;
    use super::*;
    use pannier_proto::feed::KeyedRng;

    #[test]
    fn a_step_is_adams() {
        for (l2, decay) in [(0.0, 0.0), (0.01, 0.0), (0.0, 0.01)] {
            let mut weights = some(37, 1);
            let mut naive: Vec<[f64; 3]> =
                weights.iter().map(|w| [f64::from(*w), 0.0, 0.0]).collect();
            let mut moments = Moments::new(37);
            for t in 1..40 {
                let (gradients, rate) = (some(37, t), 0.01 / t as f64);
                let step = Step {
                    scale: 0.5,
                    ..Step::new(t, rate).decaying(l2, rate * decay)
                };
                moments.step(&mut weights, &gradients, step);
                for ([w, m, v], g) in naive.iter_mut().zip(&gradients) {
                    let g = f64::from(*g) * 0.5 + l2 * *w;
                    *m = 0.9 * *m + 0.1 * g;
                    *v = 0.999 * *v + 0.001 * g * g;
                    let (first, second) =
                        (1.0 - 0.9f64.powf(t as f64), 1.0 - 0.999f64.powf(t as f64));
                    *w -= rate * decay * *w + rate * (*m / first) / ((*v / second).sqrt() + 1e-8);
                }
            }
            for (w, [naive, ..]) in weights.iter().zip(&naive) {
                assert!((f64::from(*w) - naive).abs() < 2e-6, "{w} {naive}");
            }
        }
    }

    /// Whenever rows are caught up, and however often, they end where dense updates end.
    #[test]
    fn rows_that_missed_steps_end_where_all_rows_do() {
        let (rows, dim) = (7, 19);
        let start = some(rows * dim, 5);
        let (mut table, mut dense) = (start.clone(), start.clone());
        let (mut sparse, mut all) = (RowMoments::new(rows, dim), Moments::new(rows * dim));
        let mut often = (start.clone(), RowMoments::new(rows, dim));
        let mut rng = KeyedRng::new(4);
        for t in 1..=400u64 {
            let mut picked: Vec<u32> = (0..3).map(|_| rng.below(rows as u32)).collect();
            picked.retain(|row| !(t > 100 && *row < 3) && *row != 6);
            picked.sort_unstable();
            picked.dedup();
            let gradients = some(picked.len() * dim, t);
            let mut full = vec![0.0; rows * dim];
            for (row, gradients) in picked.iter().zip(gradients.chunks(dim)) {
                full[*row as usize * dim..][..dim].copy_from_slice(gradients);
            }
            let step = Step::new(t, 0.01 * (1.0 - t as f64 / 500.0));
            all.step(&mut dense, &full, step);
            sparse.catch_up(&mut table, &picked);
            sparse.step(&mut table, &picked, &gradients, step);
            often.1.catch_up_all(&mut often.0);
            often.1.step(&mut often.0, &picked, &gradients, step);
        }
        sparse.catch_up_all(&mut table);
        often.1.catch_up_all(&mut often.0);
        assert!(table == often.0 && sparse == often.1);
        for (row, (a, b)) in table.chunks(dim).zip(dense.chunks(dim)).enumerate() {
            for (a, b) in a.iter().zip(b) {
                assert!((a - b).abs() < 1e-6, "{row}: {a} {b}");
            }
        }
        assert_eq!(table[6 * dim..], start[6 * dim..]);
    }

    #[test]
    fn squares_add_up() {
        let numbers = some(20_011, 3);
        let sum: f64 = numbers.iter().map(|x| f64::from(*x).powi(2)).sum();
        assert!((squares(&numbers) / sum - 1.0).abs() < 1e-5);
        assert_eq!(squares(&[]), 0.0);
    }
}
