//! One step after another: forward and backward over a batch in blocks of rows, clipping, Adam. Partial
//! gradients are of fixed blocks and added in their order: the same bits for every number of threads.

mod weights;

use pannier_proto::feed::mix;
use rayon::iter::{IndexedParallelIterator, IntoParallelIterator, ParallelIterator};
use rayon::slice::ParallelSliceMut;

use crate::adam::{Clock, Dense, Moved};
use crate::crosses::Crosses;
use crate::dropout::Dropout;
use crate::error::Error;
use crate::layout::Layout;
use crate::net::{BLOCK, Net, Scratch};
use crate::norm::{Normal, Running, normal, of_batch};
use crate::rows::{Batch, Rows};
use crate::simd::run;
use crate::sizes::{CROSSES, Named, Sizes};
use crate::tables::{Gradients, Table, Touched};

/// Partial gradients of a step at most.
const PARTIALS: usize = 32;
/// Salt of the rows whose user is taken as unknown.
const UNKNOWN: u64 = 0x756E_6B6E_6F77_6E00;

/// How a step learns.
#[derive(Debug, Clone, Copy, Default)]
pub struct Rates {
    /// Learning rate.
    pub rate: f64,
    /// AdamW's decay of layers' weights, apart from the gradient.
    pub decay: f64,
    /// Adam's, as a part of the gradient.
    pub l2: f64,
    /// Length that gradients are shortened to; 0: never.
    pub clip_norm: f64,
    /// Share of the units of the wide and of deep layers that are left out.
    pub dropout: f64,
    /// Share of the rows whose user is taken as unknown, so that the vector of those learns.
    pub unknown_users: f64,
    /// What units and rows are drawn by: of the run and the step.
    pub seed: u64,
}

/// A model while it learns.
#[derive(Debug, Clone)]
pub struct Learner {
    pub(crate) sizes: Sizes,
    pub(crate) layout: Layout,
    crosses: Crosses,
    /// Weights of examples that were not bought, and that were.
    classes: [f32; 2],
    pub(crate) dense: Vec<f32>,
    pub(crate) moments: [Vec<f32>; 2],
    decaying: Vec<f32>,
    /// Of items, users, categories and, where there are any, crossed features.
    pub(crate) tables: Vec<Table>,
    pub(crate) clock: Clock,
    pub(crate) running: Running,
}

/// What a batch has of every table.
struct Batched<'a> {
    rows: Rows<'a>,
    labels: &'a [f32],
    /// By row and crossed feature: the number it takes.
    crossed: Vec<u32>,
    touched: Vec<Touched>,
    normals: Vec<Normal>,
}

/// What comes back from a batch.
struct Came {
    loss: f64,
    dense: Vec<f32>,
    /// Of the three vectors, [rows, layout.input].
    vectors: Vec<f32>,
    logits: Vec<f32>,
}

impl Learner {
    /// Of all weights of [`Sizes::shapes`]. `classes`: what the loss of an example that was not bought
    /// counts, and of one that was; balanced, n / (2 · n_c).
    ///
    /// # Errors
    /// [`Error::Model`] where a weight is missing or of another shape.
    pub fn new(sizes: Sizes, weights: &[Named], classes: [f32; 2]) -> Result<Self, Error> {
        sizes.fits(weights)?;
        let layout = Layout::new(&sizes);
        let dense = layout.gather(weights);
        let tables = weights.iter().take(3);
        let tables = tables.map(|named| Table::new(named.numbers.clone(), sizes.embedding));
        let crossed = weights.iter().find(|named| named.name == CROSSES);
        let crossed = crossed.map(|named| Table::new(named.numbers.clone(), 1));
        Ok(Self {
            crosses: Crosses::new(&sizes)?,
            classes,
            moments: [vec![0.0; layout.len], vec![0.0; layout.len]],
            decaying: layout.decaying(),
            tables: tables.chain(crossed).collect(),
            clock: Clock::new(Vec::new()),
            running: Running::new(sizes.context.len()),
            dense,
            layout,
            sizes,
        })
    }

    /// Its sizes.
    #[must_use]
    pub fn sizes(&self) -> &Sizes {
        &self.sizes
    }

    /// Learns a batch, on the pool of the calling thread; its mean loss, each example's weighted by its
    /// class.
    ///
    /// # Errors
    /// [`Error::Rows`] where it does not fit, or is empty.
    pub fn step(&mut self, batch: &Batch, how: &Rates) -> Result<f64, Error> {
        let users = hidden(&batch.users, how);
        let rows = Rows {
            users: &users,
            ..batch.rows()
        };
        let (batched, statistics) = self.batched(rows, &batch.labels)?;
        let dropout = Dropout::new(how.dropout, how.seed);
        for (table, touched) in self.tables.iter_mut().zip(&batched.touched) {
            table.touch(touched, &self.clock);
        }
        let came = self.came(&batched, dropout);
        let sums = self.sums(&batched, &came);
        self.running.add(&statistics);
        let mut step = self.clock.tick(how.rate);
        if how.clip_norm > 0.0 {
            let all = sums.iter().chain([&came.dense]);
            let square: f64 = all.map(|numbers| squares(numbers)).sum();
            step.scale = (how.clip_norm / square.sqrt()).min(1.0) as f32;
        }
        let now = self.clock.steps();
        for ((table, touched), sums) in self.tables.iter_mut().zip(&batched.touched).zip(&sums) {
            table.learn(touched, sums, step, now);
        }
        step.l2 = how.l2 as f32;
        step.decay = (how.rate * how.decay) as f32;
        let [means, squares] = &mut self.moments;
        run(Dense(Moved {
            weights: &mut self.dense,
            means,
            squares,
            gradients: &came.dense,
            decaying: Some(&self.decaying),
            step,
        }));
        Ok(came.loss)
    }

    /// What the batch has, and its context's statistics.
    fn batched<'a>(
        &self,
        rows: Rows<'a>,
        labels: &'a [f32],
    ) -> Result<(Batched<'a>, Vec<[f64; 2]>), Error> {
        rows.check(&self.sizes)?;
        if rows.is_empty() || labels.len() != rows.len() {
            let reason = format!("{} labels of {} rows", labels.len(), rows.len());
            return Err(Error::Rows(reason));
        }
        let crossed = (0..rows.len()).flat_map(|row| self.crosses.of_row(&rows, row));
        let crossed: Vec<u32> = crossed.collect();
        let columns = [rows.items, rows.users, rows.categories, &crossed];
        let columns = columns.into_par_iter().take(self.tables.len());
        let touched = columns.map(|column| Touched::new(column.iter().copied()));
        let touched = touched.collect();
        let statistics = of_batch(&rows, self.sizes.context.len());
        let batched = Batched {
            rows,
            labels,
            touched,
            crossed,
            normals: statistics.iter().copied().map(normal).collect(),
        };
        Ok((batched, statistics))
    }

    fn came(&self, batched: &Batched<'_>, dropout: Option<Dropout>) -> Came {
        let net = Net::new(&self.layout, &self.dense);
        let (n, input) = (batched.rows.len(), self.layout.input);
        // Whole blocks, so that where one ends does not depend on threads.
        let each = n.div_ceil(BLOCK).div_ceil(PARTIALS) * BLOCK;
        let mut vectors = vec![0.0; n * input];
        let mut logits = vec![0.0; n];
        let parts = vectors
            .par_chunks_mut(each * input)
            .zip(logits.par_chunks_mut(each))
            .enumerate()
            .map_init(
                || Scratch::new(&self.layout),
                |scratch, (part, (vectors, logits))| {
                    let mut sums = vec![0.0; self.layout.len];
                    let blocks = vectors.chunks_mut(BLOCK * input);
                    let blocks = blocks.zip(logits.chunks_mut(BLOCK)).enumerate();
                    let loss = blocks.map(|(block, (vectors, logits))| {
                        let first = part * each + block * BLOCK;
                        self.gather(scratch, batched, first, logits.len());
                        let range = (first, logits.len());
                        net.forward(scratch, range, dropout);
                        let loss = self.judge(&scratch.logits, logits, &batched.labels[first..]);
                        net.backward(scratch, range, dropout, logits, (&mut sums, vectors));
                        loss
                    });
                    (loss.sum::<f64>(), sums)
                },
            );
        let parts: Vec<(f64, Vec<f32>)> = parts.collect();
        let scale = 1.0 / n as f32;
        let mut dense = vec![0.0; self.layout.len];
        let mut loss = 0.0;
        for (of_part, sums) in parts {
            loss += of_part;
            dense.iter_mut().zip(&sums).for_each(|(sum, x)| *sum += x);
        }
        dense.iter_mut().for_each(|x| *x *= scale);
        Came {
            loss: loss / n as f64,
            dense,
            vectors,
            logits,
        }
    }

    /// The vectors, the context and what crossed features add, of a block's rows.
    fn gather(&self, scratch: &mut Scratch, batched: &Batched<'_>, first: usize, rows: usize) {
        let (input, dim) = (self.layout.input, self.sizes.embedding);
        let Rows {
            users,
            items,
            categories,
            context,
        } = batched.rows;
        let range = first..first + rows;
        let columns = [items, users, categories].map(|column| &column[range.clone()]);
        for (row, x) in scratch.x.chunks_exact_mut(input).take(rows).enumerate() {
            for ((column, table), x) in columns
                .iter()
                .zip(&self.tables)
                .zip(x.chunks_exact_mut(dim))
            {
                x.copy_from_slice(&table.weights[column[row] as usize * dim..][..dim]);
            }
        }
        let numbers = batched.normals.len();
        if let Some(of) = self.layout.context {
            let context = &context[first * numbers..(first + rows) * numbers];
            scratch.normalise(context, &batched.normals, of.width);
        }
        let features = self.crosses.len();
        for (row, logit) in scratch.logits.iter_mut().take(rows).enumerate() {
            let own = &batched.crossed[(first + row) * features..][..features];
            let table = self.tables.get(3);
            let numbers = table
                .into_iter()
                .flat_map(|table| own.iter().map(|at| table.weights[*at as usize]));
            *logit = numbers.sum();
        }
    }

    /// The loss of a block, and the gradients of its logits, but for 1 / rows of the batch.
    fn judge(&self, logits: &[f32], gradients: &mut [f32], labels: &[f32]) -> f64 {
        let mut loss = 0.0;
        for ((gradient, z), label) in gradients.iter_mut().zip(logits).zip(labels) {
            let weight = self.classes[usize::from(*label > 0.5)];
            // e^-|z| cannot overflow.
            let e = (-z.abs()).exp();
            let chance = if *z >= 0.0 { 1.0 } else { e } / (1.0 + e);
            loss += f64::from(weight * (z.max(0.0) - z * label + e.ln_1p()));
            *gradient = weight * (chance - label);
        }
        loss
    }

    /// Gradients of every table's touched rows.
    fn sums(&self, batched: &Batched<'_>, came: &Came) -> Vec<Vec<f32>> {
        let scale = 1.0 / batched.rows.len() as f32;
        let tables = self.tables.iter().zip(&batched.touched).enumerate();
        let sums = tables.map(|(at, (table, touched))| {
            let of = match at {
                3 => Gradients {
                    numbers: &came.logits,
                    stride: 1,
                    offset: 0,
                    per: self.crosses.len(),
                },
                _ => Gradients {
                    numbers: &came.vectors,
                    stride: self.layout.input,
                    offset: at * self.sizes.embedding,
                    per: 1,
                },
            };
            let mut sums = touched.sums(of, table.dim);
            sums.iter_mut().for_each(|x| *x *= scale);
            sums
        });
        sums.collect()
    }
}

/// Users of a batch, some of them taken as unknown.
fn hidden(users: &[u32], how: &Rates) -> Vec<u32> {
    let below = (how.unknown_users * 4_294_967_296.0) as u64;
    let key = |row: usize| mix(how.seed ^ mix(UNKNOWN ^ row as u64)) >> 32;
    let users = users.iter().enumerate();
    let users = users.map(|(row, user)| if key(row) < below { 1 } else { *user });
    users.collect()
}

/// Σ x².
fn squares(numbers: &[f32]) -> f64 {
    let blocks = numbers.chunks(4096);
    blocks
        .map(|block| f64::from(block.iter().map(|x| x * x).sum::<f32>()))
        .sum()
}

#[cfg(test)]
mod tests;
