//! Output layer and loss as one operation. Its gradients are made together with the loss, while a
//! block of weights is in the cache; the way back only hands them on.

use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::CheckpointStrategy};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::flex::FlexTensor;
use burn::backend::ops::FloatTensorOps;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Flex};

use super::super::kernels::output;
use super::{Target, contiguous, floats, like, parts, tensor};

/// Vectors, weights, bias, what is added.
type Inputs = Vec<FlexTensor>;

fn loss(inputs: &Inputs, target: &Target, learn: bool) -> output::Loss {
    let logits = floats(&inputs[3]);
    let added = output::Added {
        pairs: &target.pairs,
        logits,
    };
    let layer = output::Layer {
        weights: floats(&inputs[1]),
        bias: floats(&inputs[2]),
        link: target.link,
        balance: target.balance.as_ref().map(|balance| balance.as_slice()),
        added: (!target.pairs.sequences.is_empty()).then_some(added),
    };
    output::loss(floats(&inputs[0]), layer, &target.bought, learn)
}

pub(super) fn plain(inputs: [FlexTensor; 4], target: &Target) -> FlexTensor {
    let inputs = inputs.into_iter().map(contiguous).collect();
    let loss = loss(&inputs, target, false).loss;
    tensor(vec![loss as f32], [1])
}

#[derive(Debug)]
struct Back;

impl Backward<Flex, 4> for Back {
    type State = Inputs;

    fn backward(self, ops: Ops<Inputs, 4>, grads: &mut Gradients, _: &mut Checkpointer) {
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
    inputs: [FloatTensor<Autodiff<Flex, C>>; 4],
    target: &Target,
) -> FloatTensor<Autodiff<Flex, C>> {
    let (inputs, nodes) = parts::<C, _>(inputs);
    match Back.prepare::<C>(nodes).compute_bound().stateful() {
        OpsKind::Tracked(prepared) => {
            let made = loss(&inputs, target, true);
            let out = tensor(vec![made.loss as f32], [1]);
            let gradients = made
                .gradients
                .map(|of| [of.vectors, of.weights, of.bias, of.added]);
            let [a, b, c, mut d] = gradients.unwrap_or_default();
            // Without pairs what is added has no say.
            d.resize(floats(&inputs[3]).len(), 0.0);
            let state = vec![
                like(a, &inputs[0]),
                like(b, &inputs[1]),
                like(c, &inputs[2]),
                like(d, &inputs[3]),
            ];
            prepared.finish(state, out)
        }
        OpsKind::UnTracked(prepared) => {
            let loss = loss(&inputs, target, false).loss;
            prepared.finish(tensor(vec![loss as f32], [1]))
        }
    }
}
