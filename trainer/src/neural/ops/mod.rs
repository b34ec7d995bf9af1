//! The kernels as operations of burn, with their own ways back through autodiff.
//!
//! Only flex has them: it keeps tensors as plain floats. Tensors that come in are made contiguous
//! first; whatever is no tensor travels behind an `Arc`.

mod attend;
mod lstm;
mod output;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::ops::NodeGuard;
use burn::backend::flex::FlexTensor;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, Flex, backend_extension};
use burn::tensor::{Tensor, TensorData};

use super::kernels::{Link, Packing, Targets};

/// Factors of the states that enter a step, for each direction: [sequences, hidden].
pub(crate) type Dropout = Option<Arc<[Vec<f32>; 2]>>;
/// By item: weight of the loss where it was not bought, and where it was.
pub(crate) type Balance = Option<Arc<Vec<[f32; 2]>>>;

/// What an output is held against.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    /// What was bought.
    pub bought: Arc<Targets>,
    /// What logits become.
    pub link: Link,
    pub balance: Balance,
    /// Pairs to whose logits something is added.
    pub pairs: Arc<Targets>,
}

/// What a backend must be able to do.
#[backend_extension(Flex, Autodiff)]
pub(crate) trait NeuralOps: Backend {
    /// See [`bilstm`].
    #[allow(clippy::too_many_arguments)]
    fn bilstm(
        x: FloatTensor<Self>,
        input: FloatTensor<Self>,
        recurrent: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        back_input: FloatTensor<Self>,
        back_recurrent: FloatTensor<Self>,
        back_bias: FloatTensor<Self>,
        packing: Arc<Packing>,
        dropout: Dropout,
    ) -> FloatTensor<Self>;

    /// See [`attend`].
    fn attend(
        states: FloatTensor<Self>,
        hidden: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        score: FloatTensor<Self>,
        packing: Arc<Packing>,
    ) -> FloatTensor<Self>;

    /// See [`output_loss`].
    fn output_loss(
        vectors: FloatTensor<Self>,
        weights: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        added: FloatTensor<Self>,
        target: Target,
    ) -> FloatTensor<Self>;
}

/// A direction's weights: [inputs, 4 · hidden], [hidden, 4 · hidden], [4 · hidden].
pub(crate) type Direction = (Tensor<2>, Tensor<2>, Tensor<1>);

/// States of packed sequences in both directions, [rows, 2 · hidden], of `x` [rows, inputs].
pub(crate) fn bilstm(
    x: Tensor<2>,
    ahead: Direction,
    back: Direction,
    packing: Arc<Packing>,
    dropout: Dropout,
) -> Tensor<2> {
    Tensor::from_dispatch(<Dispatch as NeuralOps>::bilstm(
        x.into_dispatch(),
        ahead.0.into_dispatch(),
        ahead.1.into_dispatch(),
        ahead.2.into_dispatch(),
        back.0.into_dispatch(),
        back.1.into_dispatch(),
        back.2.into_dispatch(),
        packing,
        dropout,
    ))
}

/// Each sequence's states, [rows, width], as one vector by attention: [sequences, width] by rank.
/// `hidden`: [width, units]; `bias`, `score`: [units].
pub(crate) fn attend(
    states: Tensor<2>,
    hidden: Tensor<2>,
    bias: Tensor<1>,
    score: Tensor<1>,
    packing: Arc<Packing>,
) -> Tensor<2> {
    Tensor::from_dispatch(<Dispatch as NeuralOps>::attend(
        states.into_dispatch(),
        hidden.into_dispatch(),
        bias.into_dispatch(),
        score.into_dispatch(),
        packing,
    ))
}

/// Mean binary cross-entropy of all items for vectors [sequences, width]. `weights`: [items, width];
/// `bias`: [items]; `added`: a number for each pair of the target's that is added to its logit.
pub(crate) fn output_loss(
    vectors: Tensor<2>,
    weights: Tensor<2>,
    bias: Tensor<1>,
    added: Tensor<1>,
    target: Target,
) -> Tensor<1> {
    Tensor::from_dispatch(<Dispatch as NeuralOps>::output_loss(
        vectors.into_dispatch(),
        weights.into_dispatch(),
        bias.into_dispatch(),
        added.into_dispatch(),
        target,
    ))
}

/// A tensor whose numbers lie one after another, as [`floats`] needs it.
fn contiguous(tensor: FlexTensor) -> FlexTensor {
    tensor.to_contiguous()
}

/// Tensors apart from their places in the graph.
fn parts<C: CheckpointStrategy, const N: usize>(
    inputs: [FloatTensor<Autodiff<Flex, C>>; N],
) -> (Vec<FlexTensor>, [NodeGuard; N]) {
    let mut tensors = Vec::with_capacity(N);
    let nodes = inputs.map(|input| {
        let (tensor, node) = input.into_parts();
        tensors.push(contiguous(tensor));
        node
    });
    (tensors, nodes)
}

/// Its numbers.
fn floats(tensor: &FlexTensor) -> &[f32] {
    tensor.as_slice().unwrap_or_default()
}

/// Numbers as a tensor.
fn tensor<const D: usize>(numbers: Vec<f32>, shape: [usize; D]) -> FlexTensor {
    FlexTensor::from_data(TensorData::new(numbers, shape))
}

/// Numbers as a tensor of the shape of another.
fn like(numbers: Vec<f32>, other: &FlexTensor) -> FlexTensor {
    FlexTensor::from_data(TensorData::new(numbers, other.layout().shape().clone()))
}

impl NeuralOps for Flex {
    fn bilstm(
        x: FloatTensor<Self>,
        input: FloatTensor<Self>,
        recurrent: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        back_input: FloatTensor<Self>,
        back_recurrent: FloatTensor<Self>,
        back_bias: FloatTensor<Self>,
        packing: Arc<Packing>,
        dropout: Dropout,
    ) -> FloatTensor<Self> {
        let inputs = [
            x,
            input,
            recurrent,
            bias,
            back_input,
            back_recurrent,
            back_bias,
        ];
        lstm::plain(inputs, &packing, &dropout)
    }

    fn attend(
        states: FloatTensor<Self>,
        hidden: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        score: FloatTensor<Self>,
        packing: Arc<Packing>,
    ) -> FloatTensor<Self> {
        attend::plain([states, hidden, bias, score], &packing)
    }

    fn output_loss(
        vectors: FloatTensor<Self>,
        weights: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        added: FloatTensor<Self>,
        target: Target,
    ) -> FloatTensor<Self> {
        output::plain([vectors, weights, bias, added], &target)
    }
}

impl<C: CheckpointStrategy> NeuralOps for Autodiff<Flex, C> {
    fn bilstm(
        x: FloatTensor<Self>,
        input: FloatTensor<Self>,
        recurrent: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        back_input: FloatTensor<Self>,
        back_recurrent: FloatTensor<Self>,
        back_bias: FloatTensor<Self>,
        packing: Arc<Packing>,
        dropout: Dropout,
    ) -> FloatTensor<Self> {
        let inputs = [
            x,
            input,
            recurrent,
            bias,
            back_input,
            back_recurrent,
            back_bias,
        ];
        lstm::tracked::<C>(inputs, packing, dropout)
    }

    fn attend(
        states: FloatTensor<Self>,
        hidden: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        score: FloatTensor<Self>,
        packing: Arc<Packing>,
    ) -> FloatTensor<Self> {
        attend::tracked::<C>([states, hidden, bias, score], packing)
    }

    fn output_loss(
        vectors: FloatTensor<Self>,
        weights: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        added: FloatTensor<Self>,
        target: Target,
    ) -> FloatTensor<Self> {
        output::tracked::<C>([vectors, weights, bias, added], &target)
    }
}
