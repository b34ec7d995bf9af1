//! The model as a module of burn, all but the table of item vectors.

use std::sync::Arc;

use burn::backend::Flex;
use burn::backend::flex::FlexTensor;
use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::activation::relu;
use burn::tensor::{Device, Int, Tensor, TensorData};

use super::batch::Batch;
use super::repeats::Repeats;
use super::sizes::{BIAS, Named, Sizes};
use crate::error::TrainerError;
use crate::neural::kernels::Packing;
use crate::neural::ops::{self, Balance, Dropout};

/// The weights of a direction of the LSTM; gates in the order i, f, g, o.
#[derive(Module, Debug)]
pub(crate) struct Direction {
    input: Param<Tensor<2>>,
    recurrent: Param<Tensor<2>>,
    bias: Param<Tensor<1>>,
}

/// The weights of attention.
#[derive(Module, Debug)]
pub(crate) struct Attention {
    hidden: Param<Tensor<2>>,
    bias: Param<Tensor<1>>,
    score: Param<Tensor<1>>,
}

/// The output layer: an item's weights together.
#[derive(Module, Debug)]
pub(crate) struct Output {
    weights: Param<Tensor<2>>,
    bias: Param<Tensor<1>>,
}

/// The weights of logits that own items have besides: units of features, which a user's vector weighs,
/// and a number for each item.
#[derive(Module, Debug)]
pub(crate) struct Repeat {
    features: Param<Tensor<2>>,
    bias: Param<Tensor<1>>,
    user: Param<Tensor<2>>,
    user_bias: Param<Tensor<1>>,
    items: Param<Tensor<1>>,
    second: Option<Second>,
}

/// The weights of a second layer of units.
#[derive(Module, Debug)]
pub(crate) struct Second {
    weights: Param<Tensor<2>>,
    bias: Param<Tensor<1>>,
}

/// The attention LSTM over baskets' vectors.
#[derive(Module, Debug)]
pub struct AttentionLstm {
    ahead: Direction,
    back: Direction,
    attention: Attention,
    output: Output,
    repeat: Option<Repeat>,
}

/// Hands a model its weights in the order of [`Sizes::shapes`].
struct Taken<'a> {
    weights: std::slice::Iter<'a, Named>,
    device: &'a Device,
}

impl Taken<'_> {
    fn param<const D: usize>(&mut self, name: &str) -> Result<Param<Tensor<D>>, TrainerError> {
        let missing = || TrainerError::data("weights", format!("there is no `{name}`"));
        let named = self
            .weights
            .next()
            .filter(|named| named.name == name)
            .ok_or_else(missing)?;
        let data = TensorData::new(named.numbers.clone(), named.shape.clone());
        Ok(Param::from_tensor(Tensor::from_data(data, self.device)))
    }

    fn direction(&mut self, name: &str) -> Result<Direction, TrainerError> {
        Ok(Direction {
            input: self.param(&format!("{name}.input"))?,
            recurrent: self.param(&format!("{name}.recurrent"))?,
            bias: self.param(&format!("{name}.bias"))?,
        })
    }
}

impl AttentionLstm {
    /// With these weights, as [`Sizes::shapes`] names them but without the table.
    ///
    /// # Errors
    /// [`TrainerError::Data`] where one is missing.
    pub fn new(weights: &[Named], device: &Device) -> Result<Self, TrainerError> {
        let mut taken = Taken {
            weights: weights.iter(),
            device,
        };
        Ok(Self {
            ahead: taken.direction("ahead")?,
            back: taken.direction("back")?,
            attention: Attention {
                hidden: taken.param("attention.hidden")?,
                bias: taken.param("attention.bias")?,
                score: taken.param("attention.score")?,
            },
            output: Output {
                weights: taken.param("output.weights")?,
                bias: taken.param(BIAS)?,
            },
            repeat: match taken.weights.len() {
                0 => None,
                _ => Some(Repeat {
                    features: taken.param("repeat.features")?,
                    bias: taken.param("repeat.bias")?,
                    user: taken.param("repeat.user")?,
                    user_bias: taken.param("repeat.user_bias")?,
                    items: taken.param("repeat.items")?,
                    second: match taken.weights.len() {
                        0 => None,
                        _ => Some(Second {
                            weights: taken.param("repeat.second")?,
                            bias: taken.param("repeat.second_bias")?,
                        }),
                    },
                }),
            },
        })
    }

    /// Vectors of users by rank, [users, 2 · hidden], of baskets' vectors [rows, embedding].
    pub fn users(&self, baskets: Tensor<2>, packing: &Arc<Packing>, dropout: Dropout) -> Tensor<2> {
        let of = |way: &Direction| (way.input.val(), way.recurrent.val(), way.bias.val());
        let (ahead, back) = (of(&self.ahead), of(&self.back));
        let states = ops::bilstm(baskets, ahead, back, Arc::clone(packing), dropout);
        let Attention {
            hidden,
            bias,
            score,
        } = &self.attention;
        ops::attend(
            states,
            hidden.val(),
            bias.val(),
            score.val(),
            Arc::clone(packing),
        )
    }

    /// What is added to the logits of own items, [pairs], for users' vectors by rank: the users' weights
    /// of the units of each pair's features, and the item's number.
    pub(crate) fn repeats(&self, users: Tensor<2>, of: &Repeats) -> Option<Tensor<1>> {
        let repeat = self.repeat.as_ref()?;
        let (device, pairs) = (users.device(), of.items.len());
        let places = |numbers: &[i32]| {
            let data = TensorData::new(numbers.to_vec(), [pairs]);
            Tensor::<1, Int>::from_data(data, &device)
        };
        let width = of.features.len() / pairs.max(1);
        let features = TensorData::new(of.features.clone(), [pairs, width]);
        let features = Tensor::<2>::from_data(features, &device);
        let units = features.matmul(repeat.features.val()) + repeat.bias.val().unsqueeze();
        let mut units = relu(units);
        if let Some(Second { weights, bias }) = &repeat.second {
            units = relu(units.matmul(weights.val()) + bias.val().unsqueeze());
        }
        let weights = users.matmul(repeat.user.val()) + repeat.user_bias.val().unsqueeze();
        let weights = weights.select(0, places(&of.ranks));
        let sums: Tensor<1> = (units * weights).sum_dim(1).squeeze_dim(1);
        let mut items = repeat.items.val().select(0, places(&of.items));
        if let Some(own) = &of.own {
            let own = TensorData::new(own.clone(), [pairs]);
            items = items * Tensor::from_data(own, &device);
        }
        Some(sums + items)
    }

    /// The loss of users' vectors by rank.
    pub fn loss(&self, users: Tensor<2>, batch: &Batch, balance: Balance) -> Tensor<1> {
        let Output { weights, bias } = &self.output;
        let repeats = batch.repeats.as_ref();
        let added = repeats.and_then(|of| Some((of, self.repeats(users.clone(), of)?)));
        let (pairs, added) = match added {
            Some((of, added)) => (Arc::clone(&of.pairs), added),
            None => (Arc::default(), Tensor::zeros([1], &users.device())),
        };
        let target = ops::Target {
            bought: Arc::clone(&batch.targets),
            link: batch.link,
            balance,
            pairs,
        };
        ops::output_loss(users, weights.val(), bias.val(), added, target)
    }

    /// All weights but the table.
    ///
    /// # Errors
    /// [`TrainerError::Bug`] where they are not on flex.
    pub(crate) fn weights(&self, sizes: &Sizes) -> Result<Vec<Named>, TrainerError> {
        let mut read = Read(Vec::new());
        self.visit(&mut read);
        let named = sizes.shapes().into_iter().skip(1).zip(read.0);
        let named = named.map(|((name, shape), tensor)| {
            let numbers = tensor.as_slice::<f32>().map(<[f32]>::to_vec);
            let numbers = numbers.filter(|n| n.len() == shape.iter().product::<usize>());
            let numbers = numbers.ok_or_else(|| TrainerError::bug(format!("weights {name}")))?;
            Ok(Named {
                name: name.into(),
                shape,
                numbers,
            })
        });
        named.collect()
    }
}

/// Gathers weights as they are visited.
pub(super) struct Read(pub Vec<FlexTensor>);

impl ModuleVisitor for Read {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let tensor = param.val();
        let tensor = if tensor.is_autodiff() {
            tensor.inner()
        } else {
            tensor
        };
        // Another backend's would be missing in the count of the caller.
        self.0.extend(
            tensor
                .try_into_primitive::<Flex>()
                .ok()
                .map(|t| t.to_contiguous()),
        );
    }
}
