//! The output layer and its loss together: logits of all items, the multi-label binary cross-entropy
//! on them, and the gradients, item by item.
//!
//! logistic: loss = Σ over sequences and items of w · (softplus(z) - y z) / (sequences · items), with w by
//! item and by whether it was bought, and y 0 or what a purchase of the sequence counts for.
//! softmax: loss = Σ over sequences and items of y · (ln Σ e^z - z) / sequences, the inner sum over the
//! items of the sequence; logits are made twice, first for these sums. Weights are [items, width], an item's together: a block of items is
//! read once, and while it is in the cache its logits, their gradients, the gradients of its weights
//! and its share of the gradients of the vectors are made. No matrix of targets is.

use rayon::iter::{IntoParallelIterator, ParallelIterator};

use super::panels::{Cells, Panels};
use super::product::add;
use super::simd::{Task, Vector, WIDTH, run};
use super::targets::{Link, Targets};
use super::tile::{COLUMNS, Part, ROWS, Tile, rows, sum};

mod item;

use item::{Totals, sum_of};

/// Items of a block: a whole number of tiles.
const BLOCK: usize = 48 * ROWS;
/// Tasks at most, whatever the number of threads: each has gradients of the vectors of its own.
const TASKS: usize = 64;

/// Something that the logits of some pairs have besides.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Added<'a> {
    pub pairs: &'a Targets,
    /// A number for each pair.
    pub logits: &'a [f32],
}

/// The layer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Layer<'a> {
    /// [items, width].
    pub weights: &'a [f32],
    /// [items].
    pub bias: &'a [f32],
    /// What logits become.
    pub link: Link,
    /// Of the logistic link, by item: weight of the loss where it was not bought, and where it was; none: 1
    /// and 1.
    pub balance: Option<&'a [[f32; 2]]>,
    /// What is added to logits.
    pub added: Option<Added<'a>>,
}

/// The loss, and where they were asked for the gradients.
#[derive(Debug)]
pub(crate) struct Loss {
    pub loss: f64,
    pub gradients: Option<Gradients>,
}

/// Gradients.
#[derive(Debug)]
pub(crate) struct Gradients {
    /// [sequences, width].
    pub vectors: Vec<f32>,
    /// [items, width].
    pub weights: Vec<f32>,
    /// [items].
    pub bias: Vec<f32>,
    /// Of what is added.
    pub added: Vec<f32>,
}

/// The loss of vectors [sequences, width]; the width is a multiple of 16.
pub(crate) fn loss(vectors: &[f32], layer: Layer<'_>, targets: &Targets, learn: bool) -> Loss {
    let (items, width) = (layer.bias.len(), layer.weights.len() / layer.bias.len());
    let sequences = vectors.len() / width;
    assert!(width.is_multiple_of(WIDTH) && targets.starts.len() == items + 1);
    let mut weights = vec![0.0; if learn { items * width } else { 0 }];
    let mut bias = vec![0.0; if learn { items } else { 0 }];
    let pairs = layer.added.map_or(0, |added| added.logits.len());
    let mut added = vec![0.0; if learn { pairs } else { 0 }];
    let (across, along) = (
        Panels::transposed(vectors, width, sequences),
        Panels::new(vectors, sequences, width),
    );
    let mut job = Job {
        layer,
        targets,
        sequences,
        width,
        across: &across,
        along: &along,
        totals: None,
        out: None,
    };
    if layer.link == Link::Softmax {
        job.totals = Some(Totals::new(&job, &job.blocks()));
    }
    job.out = learn.then(|| Out {
        weights: Cells::new(&mut weights),
        bias: Cells::new(&mut bias),
        added: Cells::new(&mut added),
    });
    let blocks = job.blocks();
    let loss = blocks.iter().map(|(loss, _)| loss).sum::<f64>() / job.count() as f64;
    let gradients = learn.then(|| {
        let mut of_vectors = vec![0.0; vectors.len()];
        for (_, panels) in &blocks {
            for (row, out) in of_vectors.chunks_exact_mut(width).enumerate() {
                for (panel, out) in out.chunks_mut(COLUMNS).enumerate() {
                    let from = &panels[(panel * sequences + row) * COLUMNS..];
                    out.iter_mut().zip(from).for_each(|(out, x)| *out += x);
                }
            }
        }
        Gradients {
            vectors: of_vectors,
            weights,
            bias,
            added,
        }
    });
    Loss { loss, gradients }
}

struct Job<'a> {
    layer: Layer<'a>,
    targets: &'a Targets,
    sequences: usize,
    width: usize,
    /// Vectors with the sequences as columns, and as rows.
    across: &'a Panels,
    along: &'a Panels,
    /// Of the softmax, once they are known.
    totals: Option<Totals>,
    out: Option<Out<'a>>,
}

impl Job<'_> {
    /// Whether only the sums of a softmax are made.
    fn sums_alone(&self) -> bool {
        self.layer.link == Link::Softmax && self.totals.is_none()
    }

    /// What the sum of losses is divided by.
    fn count(&self) -> usize {
        match self.layer.link {
            Link::Logistic => self.sequences * self.layer.bias.len(),
            Link::Softmax => self.sequences,
        }
    }

    /// The work by task: the loss's sum, and the task's share of the vectors' gradients or of the sums.
    fn blocks(&self) -> Vec<(f64, Vec<f32>)> {
        let items = self.layer.bias.len();
        let each = items.div_ceil(BLOCK).div_ceil(TASKS).max(1) * BLOCK;
        let tasks = (0..items.div_ceil(each)).into_par_iter().map(|task| {
            run(Blocks {
                job: self,
                items: task * each..items.min((task + 1) * each),
            })
        });
        tasks.collect()
    }
}

/// Where gradients go.
#[derive(Clone, Copy)]
struct Out<'a> {
    weights: Cells<'a>,
    bias: Cells<'a>,
    added: Cells<'a>,
}

/// The blocks of a task.
struct Blocks<'a> {
    job: &'a Job<'a>,
    items: std::ops::Range<usize>,
}

impl Task for Blocks<'_> {
    /// The loss's sum, and the share of the vectors' gradients, as panels [sequences, 64], or of the sums.
    type Output = (f64, Vec<f32>);

    #[inline(always)]
    unsafe fn run<V: Vector>(self) -> Self::Output {
        let (job, end) = (self.job, self.items.end);
        let room = match &job.out {
            Some(_) => job.along.count() * job.sequences * COLUMNS,
            None if job.sums_alone() => job.across.count() * COLUMNS,
            None => 0,
        };
        let mut share = vec![0.0; room];
        let mut slopes = vec![0.0; BLOCK.min(self.items.len()) * job.across.count() * COLUMNS];
        let mut loss = 0.0;
        for first in self.items.step_by(BLOCK) {
            let items = first..end.min(first + BLOCK);
            // SAFETY: the caller's.
            loss += unsafe { Block { job, items }.run::<V>(&mut slopes, &mut share) };
        }
        (loss, share)
    }
}

struct Block<'a> {
    job: &'a Job<'a>,
    items: std::ops::Range<usize>,
}

impl Block<'_> {
    /// The loss's sum; adds to the share of the vectors' gradients.
    #[inline(always)]
    unsafe fn run<V: Vector>(&self, slopes: &mut [f32], share: &mut [f32]) -> f64 {
        let job = self.job;
        let panels = job.across.count();
        let (first, count) = (self.items.start, self.items.len());
        let row = panels * COLUMNS;
        let slopes = &mut slopes[..count * row];
        let mut tile = Tile::ZERO;
        let mut loss = 0.0;
        let weights = job.layer.weights.as_ptr();
        for at in (0..count).step_by(ROWS) {
            let valid = ROWS.min(count - at);
            for panel in 0..panels {
                let part = Part {
                    // SAFETY: these items are inside.
                    rows: unsafe { rows(weights, job.width, first + at, valid) },
                    step: 1,
                    inner: job.width,
                    runs: 1,
                    run: 0,
                    columns: job.across.panel(panel),
                    stride: COLUMNS,
                };
                // SAFETY: the caller's.
                unsafe { sum::<V>(&[part], &mut tile) };
                for (row_at, logits) in tile.0[..valid].iter().enumerate() {
                    let slopes = &mut slopes[(at + row_at) * row + panel * COLUMNS..][..COLUMNS];
                    // SAFETY: the caller's.
                    loss += unsafe {
                        self.item::<V>(first + at + row_at, panel, logits, slopes, share)
                    };
                }
            }
        }
        let Some(Out {
            weights: of_weights,
            bias: of_bias,
            ..
        }) = job.out
        else {
            return loss;
        };
        for (at, slopes) in slopes.chunks_exact(row).enumerate() {
            // SAFETY: the item is this task's alone; the caller's for the instructions.
            unsafe { of_bias.at(first + at, 1).write(sum_of::<V>(slopes)) };
        }
        // SAFETY: the caller's for the instructions; the items are this task's alone.
        unsafe {
            self.weights::<V>(slopes, of_weights, &mut tile);
            self.vectors::<V>(slopes, share, &mut tile);
        }
        loss
    }
}

impl Block<'_> {
    /// Gradients of the items' weights.
    #[inline(always)]
    unsafe fn weights<V: Vector>(&self, slopes: &[f32], out: Cells<'_>, tile: &mut Tile) {
        let job = self.job;
        let row = job.across.count() * COLUMNS;
        let count = self.items.len();
        for at in (0..count).step_by(ROWS) {
            let valid = ROWS.min(count - at);
            for panel in 0..job.along.count() {
                let column = panel * COLUMNS;
                let lanes = COLUMNS.min(job.width - column);
                // SAFETY: the caller's; slopes have a row for each item of this task.
                unsafe {
                    let part = Part {
                        rows: rows(slopes.as_ptr(), row, at, valid),
                        step: 1,
                        inner: job.sequences,
                        runs: 1,
                        run: 0,
                        columns: job.along.panel(panel),
                        stride: COLUMNS,
                    };
                    sum::<V>(&[part], tile);
                    for (row_at, sums) in tile.0[..valid].iter().enumerate() {
                        let item = self.items.start + at + row_at;
                        let out = out.slice(item * job.width + column, lanes);
                        out.copy_from_slice(&sums[..lanes]);
                    }
                }
            }
        }
    }

    /// The items' share of the vectors' gradients.
    #[inline(always)]
    unsafe fn vectors<V: Vector>(&self, slopes: &[f32], out: &mut [f32], tile: &mut Tile) {
        let job = self.job;
        let row = job.across.count() * COLUMNS;
        let panels = job.along.count();
        let first = self.items.start * job.width;
        // The last panel may be narrower than a tile: its columns are copied where they have room.
        let narrow = !job.width.is_multiple_of(COLUMNS);
        let copied = narrow.then(|| {
            let rows = &job.layer.weights[first..self.items.end * job.width];
            Panels::new(rows, self.items.len(), job.width)
        });
        for panel in 0..panels {
            for at in (0..job.sequences).step_by(ROWS) {
                let valid = ROWS.min(job.sequences - at);
                // SAFETY: the caller's; all of it lies in its slices.
                unsafe {
                    let (columns, stride) = match &copied {
                        Some(copied) => (copied.panel(panel), COLUMNS),
                        None => (
                            job.layer.weights.as_ptr().add(first + panel * COLUMNS),
                            job.width,
                        ),
                    };
                    let part = Part {
                        rows: rows(slopes.as_ptr(), 1, at, valid),
                        step: row,
                        inner: self.items.len(),
                        runs: 1,
                        run: 0,
                        columns,
                        stride,
                    };
                    sum::<V>(&[part], tile);
                    for (row_at, sums) in tile.0[..valid].iter().enumerate() {
                        let place = (panel * job.sequences + at + row_at) * COLUMNS;
                        add::<V>(&mut out[place..], sums);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
