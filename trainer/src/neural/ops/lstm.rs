//! The LSTM of both directions as an operation.

use std::sync::Arc;

use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::CheckpointStrategy};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::flex::FlexTensor;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Flex};

use super::super::kernels::{Packing, lstm};
use super::{Dropout, contiguous, floats, like, parts, tensor};

/// x, then input, recurrent and bias of each direction.
type Inputs = Vec<FlexTensor>;

fn weights(inputs: &Inputs) -> [lstm::Weights<'_>; 2] {
    [1, 4].map(|at| lstm::Weights {
        input: floats(&inputs[at]),
        recurrent: floats(&inputs[at + 1]),
        bias: floats(&inputs[at + 2]),
    })
}

fn slices(dropout: &Dropout) -> Option<[&[f32]; 2]> {
    dropout
        .as_ref()
        .map(|factors| [&factors[0][..], &factors[1][..]])
}

fn forward(
    inputs: &Inputs,
    packing: &Packing,
    dropout: &Dropout,
) -> (FlexTensor, [lstm::Saved; 2]) {
    let weights = weights(inputs);
    let (states, saved) = lstm::forward(floats(&inputs[0]), packing, weights, slices(dropout));
    let width = states.len() / packing.rows().max(1);
    (tensor(states, [packing.rows(), width]), saved)
}

pub(super) fn plain(inputs: [FlexTensor; 7], packing: &Packing, dropout: &Dropout) -> FlexTensor {
    forward(
        &inputs.into_iter().map(contiguous).collect(),
        packing,
        dropout,
    )
    .0
}

/// What the way back needs.
#[derive(Debug, Clone)]
struct State {
    inputs: Inputs,
    packing: Arc<Packing>,
    dropout: Dropout,
    saved: [lstm::Saved; 2],
}

#[derive(Debug)]
struct Back;

impl Backward<Flex, 7> for Back {
    type State = State;

    fn backward(self, ops: Ops<State, 7>, grads: &mut Gradients, _: &mut Checkpointer) {
        let of_states = contiguous(grads.consume::<Flex>(&ops.node));
        let State {
            inputs,
            packing,
            dropout,
            saved,
        } = ops.state;
        let (x, weights) = (floats(&inputs[0]), weights(&inputs));
        let (states, dropout) = (floats(&of_states), slices(&dropout));
        let gradients = lstm::backward(states, x, &packing, weights, dropout, saved);
        let [ahead, back] = gradients.weights;
        let all = std::iter::once(gradients.x).chain(ahead).chain(back);
        for ((parent, numbers), input) in ops.parents.into_iter().zip(all).zip(&inputs) {
            if let Some(node) = parent {
                grads.register::<Flex>(node.id, like(numbers, input));
            }
        }
    }
}

pub(super) fn tracked<C: CheckpointStrategy>(
    inputs: [FloatTensor<Autodiff<Flex, C>>; 7],
    packing: Arc<Packing>,
    dropout: Dropout,
) -> FloatTensor<Autodiff<Flex, C>> {
    let (inputs, nodes) = parts::<C, _>(inputs);
    let (out, saved) = forward(&inputs, &packing, &dropout);
    match Back.prepare::<C>(nodes).compute_bound().stateful() {
        OpsKind::Tracked(prepared) => {
            let state = State {
                inputs,
                packing,
                dropout,
                saved,
            };
            prepared.finish(state, out)
        }
        OpsKind::UnTracked(prepared) => prepared.finish(out),
    }
}
