//! Where the layers' weights lie in one slice: rows padded with zeros to whole vectors, so that products
//! need no remainders. A padded weight meets only zeros, has no gradient and stays zero.

use crate::simd::padded;
use crate::sizes::{Named, Sizes};

/// Weights with a name, and where they lie.
#[derive(Debug, Clone)]
pub(crate) struct Piece {
    pub name: String,
    pub shape: Vec<usize>,
    at: usize,
    columns: usize,
    stride: usize,
    /// Rows from this one on lie so many rows further.
    gap: (usize, usize),
    /// Weights decay, biases do not.
    pub decays: bool,
}

impl Piece {
    fn place(&self, index: usize) -> usize {
        let (row, column) = (index / self.columns, index % self.columns);
        let gap = if row < self.gap.0 { 0 } else { self.gap.1 };
        self.at + (row + gap) * self.stride + column
    }

    fn len(&self) -> usize {
        self.shape.iter().product()
    }
}

/// A layer: where its weights [inputs, outputs] and its biases begin; padded numbers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Layer {
    pub weights: usize,
    pub bias: usize,
    pub inputs: usize,
    pub outputs: usize,
}

impl Layer {
    pub(crate) fn of<'a>(&self, dense: &'a [f32]) -> &'a [f32] {
        &dense[self.weights..][..self.inputs * self.outputs]
    }

    pub(crate) fn bias<'a>(&self, dense: &'a [f32]) -> &'a [f32] {
        &dense[self.bias..][..self.outputs]
    }
}

/// The context's numbers, padded, and where their scale and shift and their layer lie.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Context {
    pub width: usize,
    pub scale: usize,
    pub shift: usize,
    pub layer: Layer,
}

/// All layers.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    /// Numbers of an example's three vectors, padded.
    pub input: usize,
    pub wide: Layer,
    pub deep: Vec<Layer>,
    pub join: Layer,
    pub context: Option<Context>,
    /// Of the output: a weight for each unit of join and context, padded each, and its bias.
    pub output: usize,
    pub output_bias: usize,
    /// Numbers in all.
    pub len: usize,
    /// Weights by name, in the order of files.
    pub pieces: Vec<Piece>,
}

/// Hands out places.
struct Places {
    len: usize,
    pieces: Vec<Piece>,
}

impl Places {
    fn take(&mut self, len: usize) -> usize {
        let at = self.len;
        self.len += padded(len);
        at
    }

    fn vector(&mut self, name: String, len: usize) -> usize {
        let at = self.take(len);
        self.pieces.push(Piece {
            name,
            shape: vec![len],
            at,
            columns: len,
            stride: 0,
            gap: (1, 0),
            decays: false,
        });
        at
    }

    /// `first`: inputs before the gap that pads them.
    fn layer(&mut self, name: &str, (inputs, first): (usize, usize), outputs: usize) -> Layer {
        let rows = padded(first) + padded(inputs - first);
        let columns = padded(outputs);
        let weights = self.take(rows * columns);
        self.pieces.push(Piece {
            name: format!("{name}.weights"),
            shape: vec![inputs, outputs],
            at: weights,
            columns: outputs,
            stride: columns,
            gap: (first, padded(first) - first),
            decays: true,
        });
        Layer {
            weights,
            bias: self.vector(format!("{name}.bias"), outputs),
            inputs: rows,
            outputs: columns,
        }
    }
}

impl Layout {
    pub(crate) fn new(sizes: &Sizes) -> Self {
        let mut places = Places {
            len: 0,
            pieces: Vec::new(),
        };
        let vectors = 3 * sizes.embedding;
        let wide = places.layer("wide", (vectors, vectors), sizes.wide);
        let mut deep = Vec::with_capacity(sizes.deep.len());
        let mut inputs = vectors;
        for (at, units) in sizes.deep.iter().enumerate() {
            deep.push(places.layer(&format!("deep.{at}"), (inputs, inputs), *units));
            inputs = *units;
        }
        let join = places.layer("join", (sizes.wide + inputs, sizes.wide), sizes.join);
        let numbers = sizes.context.len();
        let context = (numbers > 0).then(|| Context {
            width: padded(numbers),
            scale: places.vector("context.scale".into(), numbers),
            shift: places.vector("context.shift".into(), numbers),
            layer: places.layer("context", (numbers, numbers), sizes.context_units),
        });
        let units = context.map_or(0, |_| sizes.context_units);
        let output = places.take(padded(sizes.join) + padded(units));
        places.pieces.push(Piece {
            name: "output.weights".into(),
            shape: vec![sizes.join + units],
            at: output,
            columns: 1,
            stride: 1,
            gap: (sizes.join, padded(sizes.join) - sizes.join),
            decays: true,
        });
        let output_bias = places.vector("output.bias".into(), 1);
        Self {
            input: padded(vectors),
            wide,
            deep,
            join,
            context,
            output,
            output_bias,
            len: places.len,
            pieces: places.pieces,
        }
    }

    /// Units of join and context, padded each.
    pub(crate) fn last(&self) -> usize {
        self.join.outputs + self.context.map_or(0, |context| context.layer.outputs)
    }

    /// Weights as named, in one slice.
    pub(crate) fn gather(&self, weights: &[Named]) -> Vec<f32> {
        let mut dense = vec![0.0; self.len];
        for piece in &self.pieces {
            let named = weights.iter().find(|named| named.name == piece.name);
            for (index, x) in named.iter().flat_map(|named| &named.numbers).enumerate() {
                dense[piece.place(index)] = *x;
            }
        }
        dense
    }

    /// The same back, with something before each name.
    pub(crate) fn named(&self, dense: &[f32], prefix: &str) -> Vec<Named> {
        let pieces = self.pieces.iter().map(|piece| Named {
            name: format!("{prefix}{}", piece.name),
            shape: piece.shape.clone(),
            numbers: (0..piece.len())
                .map(|index| dense[piece.place(index)])
                .collect(),
        });
        pieces.collect()
    }

    /// 1 for every weight that decays, 0 for all else.
    pub(crate) fn decaying(&self) -> Vec<f32> {
        let mut mask = vec![0.0; self.len];
        for piece in self.pieces.iter().filter(|piece| piece.decays) {
            (0..piece.len()).for_each(|index| mask[piece.place(index)] = 1.0);
        }
        mask
    }
}

/// A layer's weights turned: [outputs, inputs].
pub(crate) fn turned(layer: &Layer, dense: &[f32]) -> Vec<f32> {
    let weights = layer.of(dense);
    let mut turned = vec![0.0; weights.len()];
    for (input, row) in weights.chunks_exact(layer.outputs).enumerate() {
        for (output, x) in row.iter().enumerate() {
            turned[output * layer.inputs + input] = *x;
        }
    }
    turned
}
