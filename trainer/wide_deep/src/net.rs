//! The layers over a block of rows: forward, and in `back` backward to every gradient. One thread, no
//! state beyond the block.

mod back;

use crate::dropout::{Dropout, Units, activate};
use crate::layout::{Layer, Layout, turned};
use crate::norm::Normal;
use crate::product::{Begin, Extent, Left, Right, product};
use crate::simd::WIDTH;

/// Rows of a block.
pub(crate) const BLOCK: usize = 256;

/// The layers with their weights in a step.
pub(crate) struct Net<'a> {
    pub layout: &'a Layout,
    pub dense: &'a [f32],
    turned: Turned,
}

/// Weights turned, for the way back.
struct Turned {
    wide: Vec<f32>,
    deep: Vec<Vec<f32>>,
    join: Vec<f32>,
    context: Vec<f32>,
}

/// What a block goes through, and what comes back; buffers of a thread.
pub(crate) struct Scratch {
    /// The three vectors of each row, [BLOCK, layout.input].
    pub x: Vec<f32>,
    /// The context less its mean over its deviation, [BLOCK, width].
    pub hat: Vec<f32>,
    normed: Vec<f32>,
    deep: Vec<Vec<f32>>,
    /// Wide units and the last deep layer's.
    joined: Vec<f32>,
    /// Units of join and context.
    last: Vec<f32>,
    /// What crossed features add; then each row's logit.
    pub logits: Vec<f32>,
    back: Gradients,
}

/// Gradients of what [`Scratch`] holds.
struct Gradients {
    normed: Vec<f32>,
    deep: [Vec<f32>; 2],
    joined: Vec<f32>,
    last: Vec<f32>,
}

impl Scratch {
    pub(crate) fn new(layout: &Layout) -> Self {
        let of = |width: usize| vec![0.0; BLOCK * width];
        let context = layout.context.map_or(0, |context| context.width);
        let widest = layout.deep.iter().map(|layer| layer.outputs).max();
        let widest = widest.unwrap_or(0);
        Self {
            x: of(layout.input),
            hat: of(context),
            normed: of(context),
            deep: layout.deep.iter().map(|layer| of(layer.outputs)).collect(),
            joined: of(layout.join.inputs),
            last: of(layout.last()),
            logits: of(1),
            back: Gradients {
                normed: of(context),
                deep: [of(widest), of(widest)],
                joined: of(layout.join.inputs),
                last: of(layout.last()),
            },
        }
    }

    /// Normalises the context of the block's rows.
    pub(crate) fn normalise(&mut self, context: &[f32], normals: &[Normal], width: usize) {
        if normals.is_empty() {
            return;
        }
        let rows = context.chunks_exact(normals.len());
        for (hat, row) in self.hat.chunks_exact_mut(width).zip(rows) {
            for ((hat, x), [mean, by]) in hat.iter_mut().zip(row).zip(normals) {
                *hat = (x - mean) * by;
            }
        }
    }
}

/// The first `width` units of rows, `stride` apart.
fn units<'a>(
    (numbers, stride): (&'a mut [f32], usize),
    width: usize,
    (first, rows): (usize, usize),
    layer: usize,
) -> Units<'a> {
    Units {
        numbers,
        stride,
        width,
        rows,
        first,
        layer,
    }
}

/// A layer over rows: what goes in, `stride` apart, and what comes out.
fn forward(
    layer: &Layer,
    dense: &[f32],
    (input, from): (&[f32], usize),
    (output, to): (&mut [f32], usize),
    rows: usize,
) {
    let left = Left {
        numbers: input,
        row: from,
        column: 1,
    };
    let right = Right {
        numbers: layer.of(dense),
        stride: layer.outputs,
    };
    let extent = Extent {
        rows,
        columns: layer.outputs,
        depth: layer.inputs,
    };
    product(
        (output, to),
        left,
        right,
        extent,
        Begin::Row(layer.bias(dense)),
    );
}

/// Σ a·b, in sixteen sums side by side.
pub(crate) fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0f32; WIDTH];
    for (a, b) in a.chunks_exact(WIDTH).zip(b.chunks_exact(WIDTH)) {
        for (sum, (a, b)) in sums.iter_mut().zip(a.iter().zip(b)) {
            *sum += a * b;
        }
    }
    let half: [f32; 8] = std::array::from_fn(|i| sums[i] + sums[i + 8]);
    let quarter: [f32; 4] = std::array::from_fn(|i| half[i] + half[i + 4]);
    (quarter[0] + quarter[2]) + (quarter[1] + quarter[3])
}

impl<'a> Net<'a> {
    pub(crate) fn new(layout: &'a Layout, dense: &'a [f32]) -> Self {
        let context = layout.context.as_ref();
        Self {
            turned: Turned {
                wide: turned(&layout.wide, dense),
                deep: layout
                    .deep
                    .iter()
                    .map(|layer| turned(layer, dense))
                    .collect(),
                join: turned(&layout.join, dense),
                context: context.map_or_else(Vec::new, |of| turned(&of.layer, dense)),
            },
            layout,
            dense,
        }
    }

    /// From vectors and context to logits; rows are the batch's from `first` on.
    pub(crate) fn forward(
        &self,
        scratch: &mut Scratch,
        (first, rows): (usize, usize),
        dropout: Option<Dropout>,
    ) {
        let (layout, dense) = (self.layout, self.dense);
        let (wide, width) = (layout.wide.outputs, layout.join.inputs);
        let Scratch {
            x,
            deep,
            joined,
            last,
            ..
        } = scratch;
        forward(
            &layout.wide,
            dense,
            (x, layout.input),
            (joined, width),
            rows,
        );
        let at = (first, rows);
        activate(units((joined, width), wide, at, 0), false, dropout);
        let depth = layout.deep.len();
        for (place, layer) in layout.deep.iter().enumerate() {
            let (before, after) = deep.split_at_mut(place);
            let input = match before.last() {
                Some(before) => (&before[..], layer.inputs),
                None => (&x[..], layout.input),
            };
            let (output, stride) = if place + 1 == depth {
                (&mut joined[wide..], width)
            } else {
                (&mut after[0][..], layer.outputs)
            };
            forward(layer, dense, input, (&mut *output, stride), rows);
            let units = units((output, stride), layer.outputs, (first, rows), place + 1);
            activate(units, true, dropout);
        }
        let stride = layout.last();
        forward(&layout.join, dense, (joined, width), (last, stride), rows);
        let units = units((last, stride), layout.join.outputs, (first, rows), 0);
        activate(units, true, None);
        self.context_units(scratch, rows);
        self.logits(scratch, rows);
    }

    fn context_units(&self, scratch: &mut Scratch, rows: usize) {
        let Some(context) = &self.layout.context else {
            return;
        };
        let (width, stride) = (context.width, self.layout.last());
        let scale = &self.dense[context.scale..][..width];
        let shift = &self.dense[context.shift..][..width];
        let hats = scratch.hat.chunks_exact(width).take(rows);
        for (normed, hat) in scratch.normed.chunks_exact_mut(width).zip(hats) {
            for (at, x) in normed.iter_mut().enumerate() {
                *x = hat[at] * scale[at] + shift[at];
            }
        }
        let last = &mut scratch.last[self.layout.join.outputs..];
        let input = (&scratch.normed[..], width);
        forward(
            &context.layer,
            self.dense,
            input,
            (&mut *last, stride),
            rows,
        );
        let units = units((last, stride), context.layer.outputs, (0, rows), 0);
        activate(units, true, None);
    }

    fn logits(&self, scratch: &mut Scratch, rows: usize) {
        let stride = self.layout.last();
        let weights = &self.dense[self.layout.output..][..stride];
        let bias = self.dense[self.layout.output_bias];
        let last = scratch.last.chunks_exact(stride).take(rows);
        for (logit, last) in scratch.logits.iter_mut().zip(last) {
            *logit += dot(last, weights) + bias;
        }
    }
}
