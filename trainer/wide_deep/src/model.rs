//! Scoring: the probability that rows are bought.
//!
//! The wide layer and the first deep one are linear in an example's three vectors, and the wide layer goes
//! into the joining layer as it is. So what each row of a table adds to the first deep layer and to the
//! joining one is worked out once; a score then adds three such rows. With 16 numbers a vector and the
//! layers of the seed that is a third of the products.

use rayon::iter::{IndexedParallelIterator, ParallelIterator};
use rayon::slice::ParallelSliceMut;

use crate::crosses::Crosses;
use crate::error::Error;
use crate::layout::Layout;
use crate::net::{BLOCK, dot};
use crate::norm::{Normal, normal};
use crate::product::{Begin, Extent, Left, Right, product};
use crate::rows::Rows;
use crate::sizes::{CROSSES, MEAN, Named, Sizes, VARIANCE};

/// A model to score with.
#[derive(Debug, Clone)]
pub struct Model {
    sizes: Sizes,
    layout: Layout,
    crosses: Crosses,
    dense: Vec<f32>,
    crossed: Vec<f32>,
    normals: Vec<Normal>,
    means: Vec<f32>,
    /// Of items, users and categories: what a row adds to the first deep layer and to the joining one.
    added: [Vec<f32>; 3],
    /// What both begin with.
    begin: Vec<f32>,
}

/// Buffers of a thread.
struct Scratch {
    /// Of the first deep layer and the joining one, [BLOCK, both].
    first: Vec<f32>,
    deep: [Vec<f32>; 2],
    normed: Vec<f32>,
    context: Vec<f32>,
}

fn relu(numbers: &mut [f32]) {
    numbers.iter_mut().for_each(|x| *x = x.max(0.0));
}

impl Model {
    /// Of all weights of [`Sizes::shapes`].
    ///
    /// # Errors
    /// [`Error::Model`] where one is missing or of another shape.
    pub fn new(sizes: Sizes, weights: &[Named]) -> Result<Self, Error> {
        sizes.fits(weights)?;
        let layout = Layout::new(&sizes);
        let dense = layout.gather(weights);
        let of = |name: &str| {
            let named = weights.iter().find(|named| named.name == name);
            named.map(|named| &named.numbers[..]).unwrap_or_default()
        };
        let statistics = of(MEAN).iter().zip(of(VARIANCE));
        let statistics = statistics.map(|(mean, variance)| [*mean, *variance].map(f64::from));
        let mut model = Self {
            crosses: Crosses::new(&sizes)?,
            crossed: of(CROSSES).to_vec(),
            means: of(MEAN).to_vec(),
            normals: statistics.map(normal).collect(),
            added: Default::default(),
            begin: Vec::new(),
            dense,
            layout,
            sizes,
        };
        model.prepare(weights);
        Ok(model)
    }

    /// Its sizes, and the names of what it reads.
    #[must_use]
    pub fn sizes(&self) -> &Sizes {
        &self.sizes
    }

    /// Names of the context's numbers, in the order of `Rows::context`.
    #[must_use]
    pub fn context(&self) -> &[String] {
        &self.sizes.context
    }

    /// Their running means: what stands for what is not known.
    #[must_use]
    pub fn means(&self) -> &[f32] {
        &self.means
    }

    /// Units of the first deep layer and of the joining one.
    fn both(&self) -> usize {
        self.layout.deep[0].outputs + self.layout.join.outputs
    }

    fn prepare(&mut self, weights: &[Named]) {
        let (layout, dense) = (&self.layout, &self.dense);
        let (deep, join, both) = (layout.deep[0], layout.join, self.both());
        // [input, both]: the first deep layer beside wide · join.
        let mut through = vec![0.0; layout.input * both];
        for (row, from) in through
            .chunks_exact_mut(both)
            .zip(deep.of(dense).chunks_exact(deep.outputs))
        {
            row[..deep.outputs].copy_from_slice(from);
        }
        let of_wide = Right {
            numbers: join.of(dense),
            stride: join.outputs,
        };
        let extent = |rows| Extent {
            rows,
            columns: join.outputs,
            depth: layout.wide.outputs,
        };
        let left = |numbers| Left {
            numbers,
            row: layout.wide.outputs,
            column: 1,
        };
        let to = (&mut through[deep.outputs..], both);
        product(
            to,
            left(layout.wide.of(dense)),
            of_wide,
            extent(layout.input),
            Begin::Zero,
        );
        let mut begin = deep.bias(dense).to_vec();
        begin.extend_from_slice(join.bias(dense));
        let bias = left(layout.wide.bias(dense));
        product(
            (&mut begin[deep.outputs..], both),
            bias,
            of_wide,
            extent(1),
            Begin::There,
        );
        let dim = self.sizes.embedding;
        self.added = std::array::from_fn(|at| {
            let table = &weights[at].numbers;
            let right = Right {
                numbers: &through[at * dim * both..],
                stride: both,
            };
            let mut added = vec![0.0; table.len() / dim * both];
            let blocks = added.par_chunks_mut(BLOCK * both).enumerate();
            blocks.for_each(|(block, added)| {
                let left = Left {
                    numbers: &table[block * BLOCK * dim..],
                    row: dim,
                    column: 1,
                };
                let extent = Extent {
                    rows: added.len() / both,
                    columns: both,
                    depth: dim,
                };
                product((added, both), left, right, extent, Begin::Zero);
            });
            added
        });
        self.begin = begin;
    }

    /// The probability of each row, on the pool of the calling thread; the same bits for every number
    /// of threads, and whatever rows stand beside it.
    ///
    /// # Errors
    /// [`Error::Rows`] where rows do not fit.
    pub fn score(&self, rows: Rows<'_>) -> Result<Vec<f32>, Error> {
        let mut scores = self.logits(rows)?;
        scores
            .iter_mut()
            .for_each(|z| *z = 1.0 / (1.0 + (-*z).exp()));
        Ok(scores)
    }

    /// The logit of each row.
    ///
    /// # Errors
    /// As [`Self::score`].
    pub fn logits(&self, rows: Rows<'_>) -> Result<Vec<f32>, Error> {
        rows.check(&self.sizes)?;
        let mut logits = vec![0.0; rows.len()];
        let blocks = logits.par_chunks_mut(BLOCK).enumerate();
        blocks.for_each_init(
            || self.scratch(),
            |scratch, (block, logits)| self.block(scratch, &rows, block * BLOCK, logits),
        );
        Ok(logits)
    }

    fn scratch(&self) -> Scratch {
        let of = |width: usize| vec![0.0; BLOCK * width];
        let widest = self.layout.deep.iter().map(|layer| layer.outputs).max();
        let widest = widest.unwrap_or(0);
        let context = self.layout.context;
        Scratch {
            first: of(self.both()),
            deep: [of(widest), of(widest)],
            normed: of(context.map_or(0, |context| context.width)),
            context: of(context.map_or(0, |context| context.layer.outputs)),
        }
    }

    fn block(&self, scratch: &mut Scratch, rows: &Rows<'_>, from: usize, logits: &mut [f32]) {
        let (both, n) = (self.both(), logits.len());
        let columns = [rows.items, rows.users, rows.categories];
        for (row, first) in scratch.first.chunks_exact_mut(both).take(n).enumerate() {
            let [items, users, categories] = std::array::from_fn(|at| {
                let index = columns[at][from + row] as usize;
                &self.added[at][index * both..][..both]
            });
            for (at, x) in first.iter_mut().enumerate() {
                *x = self.begin[at] + users[at] + items[at] + categories[at];
            }
        }
        self.deep(scratch, n);
        self.of_context(scratch, rows, (from, n));
        let layout = &self.layout;
        let join = layout.join.outputs;
        let weights = &self.dense[layout.output..][..layout.last()];
        let width = layout.last() - join;
        for (row, logit) in logits.iter_mut().enumerate() {
            let joined = &scratch.first[row * both + both - join..][..join];
            let context = &scratch.context[row * width..][..width];
            let numbers = self.crosses.of_row(rows, from + row);
            let crossed: f32 = numbers.map(|at| self.crossed[at as usize]).sum();
            *logit = dot(joined, &weights[..join])
                + dot(context, &weights[join..])
                + self.dense[layout.output_bias]
                + crossed;
        }
    }

    /// From the first deep layer to the joining one, which stands beside it.
    fn deep(&self, scratch: &mut Scratch, rows: usize) {
        let (layout, both) = (&self.layout, self.both());
        let width = layout.deep[0].outputs;
        let [now, next] = &mut scratch.deep;
        for (to, from) in now
            .chunks_exact_mut(width)
            .zip(scratch.first.chunks_exact(both))
            .take(rows)
        {
            to.iter_mut()
                .zip(from)
                .for_each(|(to, from)| *to = from.max(0.0));
        }
        let (mut now, mut next) = (now, next);
        let mut stride = width;
        for layer in &layout.deep[1..] {
            let left = Left {
                numbers: now,
                row: stride,
                column: 1,
            };
            let right = Right {
                numbers: layer.of(&self.dense),
                stride: layer.outputs,
            };
            let extent = Extent {
                rows,
                columns: layer.outputs,
                depth: layer.inputs,
            };
            let begin = Begin::Row(layer.bias(&self.dense));
            product((&mut next[..], layer.outputs), left, right, extent, begin);
            relu(&mut next[..rows * layer.outputs]);
            std::mem::swap(&mut now, &mut next);
            stride = layer.outputs;
        }
        let join = layout.join;
        let left = Left {
            numbers: now,
            row: stride,
            column: 1,
        };
        let right = Right {
            numbers: &join.of(&self.dense)[layout.wide.outputs * join.outputs..],
            stride: join.outputs,
        };
        let extent = Extent {
            rows,
            columns: join.outputs,
            depth: stride,
        };
        let to = (&mut scratch.first[width..], both);
        product(to, left, right, extent, Begin::There);
        for row in scratch.first.chunks_exact_mut(both).take(rows) {
            relu(&mut row[width..]);
        }
    }

    fn of_context(&self, scratch: &mut Scratch, rows: &Rows<'_>, (from, n): (usize, usize)) {
        let Some(context) = self.layout.context else {
            return;
        };
        let scale = &self.dense[context.scale..];
        let shift = &self.dense[context.shift..];
        for (row, normed) in scratch
            .normed
            .chunks_exact_mut(context.width)
            .take(n)
            .enumerate()
        {
            let numbers = rows.context(from + row).iter().zip(&self.normals);
            for (at, (x, [mean, by])) in numbers.enumerate() {
                normed[at] = (x - mean) * by * scale[at] + shift[at];
            }
        }
        let layer = context.layer;
        let left = Left {
            numbers: &scratch.normed,
            row: context.width,
            column: 1,
        };
        let right = Right {
            numbers: layer.of(&self.dense),
            stride: layer.outputs,
        };
        let extent = Extent {
            rows: n,
            columns: layer.outputs,
            depth: layer.inputs,
        };
        let begin = Begin::Row(layer.bias(&self.dense));
        product(
            (&mut scratch.context[..], layer.outputs),
            left,
            right,
            extent,
            begin,
        );
        relu(&mut scratch.context[..n * layer.outputs]);
    }
}
