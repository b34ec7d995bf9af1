//! Output layer and loss as one operation. Its gradients are made together with the loss, while a
//! block of weights is in the cache; the way back only hands them on.

use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::CheckpointStrategy};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::flex::FlexTensor;
use burn::backend::ops::FloatTensorOps;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Flex};

use super::super::kernels::{Targets, output};
use super::{Balance, contiguous, floats, like, parts, tensor};

/// Vectors, weights, bias.
type Inputs = Vec<FlexTensor>;

fn loss(inputs: &Inputs, targets: &Targets, balance: &Balance, learn: bool) -> output::Loss {
    let layer = output::Layer {
        weights: floats(&inputs[1]),
        bias: floats(&inputs[2]),
        balance: balance.as_ref().map(|balance| balance.as_slice()),
    };
    output::loss(floats(&inputs[0]), layer, targets, learn)
}

pub(super) fn plain(inputs: [FlexTensor; 3], targets: &Targets, balance: &Balance) -> FlexTensor {
    let loss = loss(
        &inputs.into_iter().map(contiguous).collect(),
        targets,
        balance,
        false,
    )
    .loss;
    tensor(vec![loss as f32], [1])
}

#[derive(Debug)]
struct Back;

impl Backward<Flex, 3> for Back {
    type State = Inputs;

    fn backward(self, ops: Ops<Inputs, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let above = contiguous(grads.consume::<Flex>(&ops.node));
        let by = floats(&above).first().copied().unwrap_or(1.0);
        for (parent, gradient) in ops.parents.into_iter().zip(ops.state) {
            if let Some(node) = parent {
                let gradient = if by == 1.0 {
                    gradient
                } else {
                    Flex::float_mul_scalar(gradient, by.into())
                };
                grads.register::<Flex>(node.id, gradient);
            }
        }
    }
}

pub(super) fn tracked<C: CheckpointStrategy>(
    inputs: [FloatTensor<Autodiff<Flex, C>>; 3],
    targets: &Targets,
    balance: &Balance,
) -> FloatTensor<Autodiff<Flex, C>> {
    let (inputs, nodes) = parts::<C, _>(inputs);
    match Back.prepare::<C>(nodes).compute_bound().stateful() {
        OpsKind::Tracked(prepared) => {
            let made = loss(&inputs, targets, balance, true);
            let out = tensor(vec![made.loss as f32], [1]);
            let gradients = made.gradients.map(|of| [of.vectors, of.weights, of.bias]);
            let [a, b, c] = gradients.unwrap_or_default();
            let state = vec![
                like(a, &inputs[0]),
                like(b, &inputs[1]),
                like(c, &inputs[2]),
            ];
            prepared.finish(state, out)
        }
        OpsKind::UnTracked(prepared) => {
            let loss = loss(&inputs, targets, balance, false).loss;
            prepared.finish(tensor(vec![loss as f32], [1]))
        }
    }
}
