//! The way back through the layers: gradients of weights, which are added up, and of what went in.

use super::{Gradients, Net, Scratch};
use crate::dropout::{Back, Dropout, Units, activate};
use crate::layout::Layer;
use crate::product::{Begin, Extent, Left, Right, product};

/// Adds a layer's gradients of weights and biases to `sums`.
fn learned(
    layer: &Layer,
    sums: &mut [f32],
    (input, from): (&[f32], usize),
    (gradients, to): (&[f32], usize),
    rows: usize,
) {
    let left = Left {
        numbers: input,
        row: 1,
        column: from,
    };
    let right = Right {
        numbers: gradients,
        stride: to,
    };
    let extent = Extent {
        rows: layer.inputs,
        columns: layer.outputs,
        depth: rows,
    };
    let weights = &mut sums[layer.weights..][..layer.inputs * layer.outputs];
    product((weights, layer.outputs), left, right, extent, Begin::There);
    let bias = &mut sums[layer.bias..][..layer.outputs];
    for row in gradients.chunks(to).take(rows) {
        bias.iter_mut().zip(row).for_each(|(sum, x)| *sum += x);
    }
}

/// Gradients of what went into a layer.
fn backward(
    layer: &Layer,
    turned: &[f32],
    (gradients, to): (&[f32], usize),
    (input, from): (&mut [f32], usize),
    begin: Begin<'_>,
    rows: usize,
) {
    let left = Left {
        numbers: gradients,
        row: to,
        column: 1,
    };
    let right = Right {
        numbers: turned,
        stride: layer.inputs,
    };
    let extent = Extent {
        rows,
        columns: layer.inputs,
        depth: layer.outputs,
    };
    product((input, from), left, right, extent, begin);
}

impl Net<'_> {
    /// From the gradients of logits back: those of layers are added to `sums`, those of the vectors
    /// written to `vectors`, [rows, layout.input].
    pub(crate) fn backward(
        &self,
        scratch: &mut Scratch,
        (first, rows): (usize, usize),
        dropout: Option<Dropout>,
        of_logits: &[f32],
        (sums, vectors): (&mut [f32], &mut [f32]),
    ) {
        let (layout, wide) = (self.layout, self.layout.wide.outputs);
        self.of_output(scratch, of_logits, sums);
        self.of_context(scratch, rows, sums);
        let (stride, width) = (layout.last(), layout.join.inputs);
        let Scratch {
            x, joined, back, ..
        } = scratch;
        let last = (&back.last[..], stride);
        learned(&layout.join, sums, (joined, width), last, rows);
        let into = (&mut back.joined[..], width);
        backward(
            &layout.join,
            &self.turned.join,
            last,
            into,
            Begin::Zero,
            rows,
        );
        let units = Units {
            numbers: &mut back.joined,
            stride: width,
            width: wide,
            rows,
            first,
            layer: 0,
        };
        activate(units, false, dropout);
        let of_wide = (&back.joined[..], width);
        learned(&layout.wide, sums, (x, layout.input), of_wide, rows);
        let into = (&mut *vectors, layout.input);
        backward(
            &layout.wide,
            &self.turned.wide,
            of_wide,
            into,
            Begin::Zero,
            rows,
        );
        let scale = dropout.map_or(1.0, |dropout| dropout.scale);
        self.of_deep(scratch, (rows, scale), sums, vectors);
    }

    /// Of the deep layers, from the last to the vectors, whose gradients are added.
    fn of_deep(
        &self,
        scratch: &mut Scratch,
        (rows, scale): (usize, f32),
        sums: &mut [f32],
        vectors: &mut [f32],
    ) {
        let (layout, wide) = (self.layout, self.layout.wide.outputs);
        let width = layout.join.inputs;
        let Scratch {
            x,
            deep,
            joined,
            back,
            ..
        } = scratch;
        let depth = layout.deep.len();
        let [mut now, mut next] = back.deep.each_mut();
        for (at, layer) in layout.deep.iter().enumerate().rev() {
            let (gradients, to, units, of) = if at + 1 == depth {
                (&mut back.joined[wide..], width, &joined[wide..], width)
            } else {
                (&mut now[..], layer.outputs, &deep[at][..], layer.outputs)
            };
            Back {
                gradients: (&mut *gradients, to),
                units: (units, of),
                width: layer.outputs,
                rows,
                scale,
            }
            .go();
            let input = match at.checked_sub(1) {
                Some(before) => (&deep[before][..], layer.inputs),
                None => (&x[..], layout.input),
            };
            learned(layer, sums, input, (&*gradients, to), rows);
            let (into, begin) = match at {
                0 => ((&mut *vectors, layout.input), Begin::There),
                _ => ((&mut next[..], layer.inputs), Begin::Zero),
            };
            backward(
                layer,
                &self.turned.deep[at],
                (&*gradients, to),
                into,
                begin,
                rows,
            );
            std::mem::swap(&mut now, &mut next);
        }
    }

    /// Of the output's weights, and of the units of join and context.
    fn of_output(&self, scratch: &mut Scratch, of_logits: &[f32], sums: &mut [f32]) {
        let stride = self.layout.last();
        let weights = &self.dense[self.layout.output..][..stride];
        let units = scratch.last.chunks_exact(stride);
        let gradients = scratch.back.last.chunks_exact_mut(stride);
        for ((gradients, units), of) in gradients.zip(units).zip(of_logits) {
            let sums = &mut sums[self.layout.output..][..stride];
            for (at, gradient) in gradients.iter_mut().enumerate() {
                sums[at] += of * units[at];
                *gradient = if units[at] > 0.0 {
                    of * weights[at]
                } else {
                    0.0
                };
            }
        }
        sums[self.layout.output_bias] += of_logits.iter().sum::<f32>();
    }

    fn of_context(&self, scratch: &mut Scratch, rows: usize, sums: &mut [f32]) {
        let Some(context) = &self.layout.context else {
            return;
        };
        let (width, stride) = (context.width, self.layout.last());
        let Gradients { normed, last, .. } = &mut scratch.back;
        let last = (&last[self.layout.join.outputs..], stride);
        let input = (&scratch.normed[..], width);
        learned(&context.layer, sums, input, last, rows);
        let into = (&mut normed[..], width);
        let turned = &self.turned.context;
        backward(&context.layer, turned, last, into, Begin::Zero, rows);
        let hats = scratch.hat.chunks_exact(width);
        for (gradients, hat) in normed.chunks_exact(width).zip(hats).take(rows) {
            for at in 0..width {
                sums[context.scale + at] += gradients[at] * hat[at];
                sums[context.shift + at] += gradients[at];
            }
        }
    }
}
