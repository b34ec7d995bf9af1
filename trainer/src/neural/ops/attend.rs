//! Attention as an operation.

use std::sync::Arc;

use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::CheckpointStrategy};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::flex::FlexTensor;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Flex};

use super::super::kernels::{Packing, attend};
use super::{contiguous, floats, like, parts, tensor};

/// States, hidden, bias, score.
type Inputs = Vec<FlexTensor>;

fn weights(inputs: &Inputs) -> attend::Weights<'_> {
    attend::Weights {
        hidden: floats(&inputs[1]),
        bias: floats(&inputs[2]),
        score: floats(&inputs[3]),
    }
}

fn forward(inputs: &Inputs, packing: &Packing) -> (FlexTensor, attend::Saved) {
    let (pooled, saved) = attend::forward(floats(&inputs[0]), packing, weights(inputs));
    let width = pooled.len() / packing.sequences().max(1);
    (tensor(pooled, [packing.sequences(), width]), saved)
}

pub(super) fn plain(inputs: [FlexTensor; 4], packing: &Packing) -> FlexTensor {
    forward(&inputs.into_iter().map(contiguous).collect(), packing).0
}

#[derive(Debug)]
struct Back;

impl Backward<Flex, 4> for Back {
    type State = (Inputs, Arc<Packing>, attend::Saved);

    fn backward(self, ops: Ops<Self::State, 4>, grads: &mut Gradients, _: &mut Checkpointer) {
        let pooled = contiguous(grads.consume::<Flex>(&ops.node));
        let (inputs, packing, saved) = ops.state;
        let states = floats(&inputs[0]);
        let gradients =
            attend::backward(floats(&pooled), states, &packing, weights(&inputs), saved);
        let all = [
            gradients.states,
            gradients.hidden,
            gradients.bias,
            gradients.score,
        ];
        for ((parent, numbers), input) in ops.parents.into_iter().zip(all).zip(&inputs) {
            if let Some(node) = parent {
                grads.register::<Flex>(node.id, like(numbers, input));
            }
        }
    }
}

pub(super) fn tracked<C: CheckpointStrategy>(
    inputs: [FloatTensor<Autodiff<Flex, C>>; 4],
    packing: Arc<Packing>,
) -> FloatTensor<Autodiff<Flex, C>> {
    let (inputs, nodes) = parts::<C, _>(inputs);
    let (out, saved) = forward(&inputs, &packing);
    match Back.prepare::<C>(nodes).compute_bound().stateful() {
        OpsKind::Tracked(prepared) => prepared.finish((inputs, packing, saved), out),
        OpsKind::UnTracked(prepared) => prepared.finish(out),
    }
}
