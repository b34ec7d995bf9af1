//! Tables of rows of which a step has some: only those are read, and only those are moved.

use rayon::iter::{IndexedParallelIterator, ParallelIterator};
use rayon::slice::{ParallelSlice, ParallelSliceMut};

use crate::adam::{Clock, Moved, Step};
use crate::simd::{Task, Vector, run};

/// Rows of a task.
const BLOCK: usize = 128;

/// Rows that a batch has, each once and in order, and where.
#[derive(Debug, Clone, Default)]
pub(crate) struct Touched {
    pub rows: Vec<u32>,
    /// Where each row's entries begin, and where the last one's end.
    starts: Vec<u32>,
    /// Entries of the batch, row after row, in the batch's order.
    entries: Vec<u32>,
}

/// Where the gradient of a batch's entry lies: `numbers[entry / per · stride + offset..]`.
#[derive(Clone, Copy)]
pub(crate) struct Gradients<'a> {
    pub numbers: &'a [f32],
    pub stride: usize,
    pub offset: usize,
    /// Entries that share a row of numbers.
    pub per: usize,
}

impl Touched {
    /// Of the rows that a batch's entries have.
    pub(crate) fn new(of: impl Iterator<Item = u32>) -> Self {
        let keys = (0u64..)
            .zip(of)
            .map(|(at, row)| (u64::from(row) << 32) | at);
        let mut keys: Vec<u64> = keys.collect();
        keys.sort_unstable();
        let mut touched = Self::default();
        touched.entries.reserve(keys.len());
        for key in keys {
            let row = (key >> 32) as u32;
            if touched.rows.last() != Some(&row) {
                touched.rows.push(row);
                touched.starts.push(touched.entries.len() as u32);
            }
            touched.entries.push(key as u32);
        }
        touched.starts.push(touched.entries.len() as u32);
        touched
    }

    /// Sums of gradients over each row's entries, in the batch's order, [rows, dim].
    pub(crate) fn sums(&self, of: Gradients<'_>, dim: usize) -> Vec<f32> {
        let mut sums = vec![0.0; self.rows.len() * dim];
        let blocks = sums.par_chunks_mut(BLOCK * dim).enumerate();
        blocks.for_each(|(block, sums)| {
            run(Sums {
                sums,
                dim,
                of,
                starts: &self.starts[block * BLOCK..],
                entries: &self.entries,
            });
        });
        sums
    }
}

struct Sums<'a> {
    sums: &'a mut [f32],
    dim: usize,
    of: Gradients<'a>,
    starts: &'a [u32],
    entries: &'a [u32],
}

impl Task for Sums<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let Gradients {
            numbers,
            stride,
            offset,
            per,
        } = self.of;
        for (row, sums) in self.sums.chunks_exact_mut(self.dim).enumerate() {
            let range = self.starts[row] as usize..self.starts[row + 1] as usize;
            for entry in &self.entries[range] {
                let at = *entry as usize / per * stride + offset;
                let gradient = &numbers[at..at + self.dim];
                sums.iter_mut().zip(gradient).for_each(|(sum, x)| *sum += x);
            }
        }
    }
}

/// A slice of which threads write rows of their own.
#[derive(Clone, Copy)]
struct Cells(*mut f32, usize);

// SAFETY: it is only written through `row`, whose callers take different rows.
unsafe impl Send for Cells {}
unsafe impl Sync for Cells {}

impl Cells {
    fn new(of: &mut [f32]) -> Self {
        Self(of.as_mut_ptr(), of.len())
    }

    /// # Safety
    /// Nobody else has the row, and the slice is alive.
    unsafe fn row<'a>(self, row: usize, dim: usize) -> &'a mut [f32] {
        assert!((row + 1) * dim <= self.1);
        // SAFETY: inside the slice; the caller's otherwise.
        unsafe { std::slice::from_raw_parts_mut(self.0.add(row * dim), dim) }
    }
}

/// Rows with what Adam keeps of them. Rows stand as their last gradient left them: what they are owed
/// since is made up for when they are touched.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Table {
    pub dim: usize,
    pub weights: Vec<f32>,
    pub means: Vec<f32>,
    pub squares: Vec<f32>,
    /// By row: the step of its last gradient; 0: none yet.
    pub learned: Vec<u32>,
}

impl Table {
    /// Of rows of `dim` numbers without a gradient yet.
    pub(crate) fn new(weights: Vec<f32>, dim: usize) -> Self {
        let (len, rows) = (weights.len(), weights.len() / dim.max(1));
        Self {
            dim,
            weights,
            means: vec![0.0; len],
            squares: vec![0.0; len],
            learned: vec![0; rows],
        }
    }

    /// Makes up for the steps that touched rows missed.
    pub(crate) fn touch(&mut self, touched: &Touched, clock: &Clock) {
        let dim = self.dim;
        let cells = self.cells();
        let learned = &self.learned;
        touched.rows.par_chunks(BLOCK).for_each(|rows| {
            run(Late {
                rows,
                learned,
                clock,
                dim,
                cells,
            });
        });
    }

    /// Moves touched rows by the sums of their gradients; `now`: the step that it is.
    pub(crate) fn learn(&mut self, touched: &Touched, sums: &[f32], step: Step, now: u32) {
        let dim = self.dim;
        let cells = self.cells();
        let blocks = touched.rows.par_chunks(BLOCK);
        blocks
            .zip(sums.par_chunks(BLOCK * dim))
            .for_each(|(rows, sums)| {
                run(Learned {
                    rows,
                    sums,
                    dim,
                    cells,
                    step,
                });
            });
        for row in &touched.rows {
            self.learned[*row as usize] = now;
        }
    }

    /// The rows as they are now, with what they are owed; nothing here changes.
    pub(crate) fn current(&self, clock: &Clock) -> Vec<f32> {
        let mut weights = self.weights.clone();
        let (dim, block) = (self.dim, BLOCK * self.dim);
        let kept = self
            .means
            .par_chunks(block)
            .zip(self.squares.par_chunks(block));
        weights
            .par_chunks_mut(block)
            .zip(kept.zip(self.learned.par_chunks(BLOCK)))
            .for_each(|(weights, ((means, squares), learned))| {
                for (row, learned) in learned.iter().enumerate() {
                    let Some(missed) = clock.missed(*learned) else {
                        continue;
                    };
                    let range = row * dim..(row + 1) * dim;
                    let moments = means[range.clone()].iter().zip(&squares[range.clone()]);
                    for (w, (m, v)) in weights[range].iter_mut().zip(moments) {
                        *w -= m * missed.sum / (v.sqrt() + missed.epsilon);
                    }
                }
            });
        weights
    }

    /// Weights, means and squares.
    fn cells(&mut self) -> [Cells; 3] {
        [
            Cells::new(&mut self.weights),
            Cells::new(&mut self.means),
            Cells::new(&mut self.squares),
        ]
    }
}

/// Rows that are made up for what they missed.
struct Late<'a> {
    rows: &'a [u32],
    learned: &'a [u32],
    clock: &'a Clock,
    dim: usize,
    cells: [Cells; 3],
}

impl Task for Late<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        for row in self.rows {
            let row = *row as usize;
            let Some(missed) = self.clock.missed(self.learned[row]) else {
                continue;
            };
            let [means_left, squares_left] = missed.left;
            // SAFETY: touched rows come once each, and blocks of them to one task each.
            let [weights, means, squares] = self.cells.map(|of| unsafe { of.row(row, self.dim) });
            let moments = means.iter_mut().zip(squares);
            for (w, (m, v)) in weights.iter_mut().zip(moments) {
                *w -= *m * missed.sum / (v.sqrt() + missed.epsilon);
                *m *= means_left;
                *v *= squares_left;
            }
        }
    }
}

/// Rows that are moved.
struct Learned<'a> {
    rows: &'a [u32],
    sums: &'a [f32],
    dim: usize,
    cells: [Cells; 3],
    step: Step,
}

impl Task for Learned<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        for (row, gradients) in self.rows.iter().zip(self.sums.chunks_exact(self.dim)) {
            let row = *row as usize;
            // SAFETY: touched rows come once each, and blocks of them to one task each.
            let [weights, means, squares] = self.cells.map(|of| unsafe { of.row(row, self.dim) });
            Moved {
                weights,
                means,
                squares,
                gradients,
                decaying: None,
                step: self.step,
            }
            .go();
        }
    }
}
