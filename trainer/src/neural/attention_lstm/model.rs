//! The model as a module of burn, all but the table of item vectors.

use std::sync::Arc;

use burn::backend::Flex;
use burn::backend::flex::FlexTensor;
use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::activation::relu;
use burn::tensor::{Device, Int, Tensor, TensorData};
use pannier_proto::feed::{KeyedRng, mix};

use super::batch::{Batch, History};
use super::repeats::{FEATURES, Repeats};
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

/// How large it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sizes {
    /// Items of the catalogue.
    pub items: usize,
    /// Numbers of an item's vector.
    pub embedding: usize,
    /// Units of a direction.
    pub hidden: usize,
    /// Units of attention.
    pub attention: usize,
    /// Units of what own items have besides; 0: nothing.
    pub repeat: usize,
}

/// Weights with a name.
#[derive(Debug, Clone, PartialEq)]
pub struct Named {
    /// As in files.
    pub name: String,
    /// Rows and columns, or how many.
    pub shape: Vec<usize>,
    /// Row after row.
    pub numbers: Vec<f32>,
}

fn glorot(inputs: usize, outputs: usize) -> f32 {
    (6.0 / (inputs + outputs) as f32).sqrt()
}

/// Name of the table of item vectors, which is not part of the module.
pub(crate) const ITEMS: &str = "items";
/// Names of the output's weights.
pub(crate) const WEIGHTS: &str = "output.weights";
pub(crate) const BIAS: &str = "output.bias";

impl Sizes {
    /// Users with their next baskets, as a model of this size reads them.
    ///
    /// # Errors
    /// [`TrainerError::Data`] where an item is not in the catalogue.
    pub fn batch(
        &self,
        histories: &[History],
        targets: &[Vec<u32>],
    ) -> Result<Batch, TrainerError> {
        let batch = Batch::new(histories, targets, self.items)?;
        Ok(match self.repeat {
            0 => batch,
            _ => batch.with_repeats(histories, self.items),
        })
    }

    /// Whether weights are all there, in order and shape, of a model that the kernels can do.
    ///
    /// # Errors
    /// [`TrainerError::Data`] where not.
    pub(crate) fn check(&self, weights: &[Named]) -> Result<(), TrainerError> {
        let wrong = |reason: String| Err(TrainerError::data("weights", reason));
        if self.hidden == 0 || !self.hidden.is_multiple_of(16) || self.embedding == 0 {
            return wrong("hidden units must be a multiple of 16, vectors not empty".into());
        }
        let shapes = self.shapes();
        if weights.len() != shapes.len() {
            return wrong(format!("{} of {} are there", weights.len(), shapes.len()));
        }
        for (of, (name, shape)) in weights.iter().zip(shapes) {
            let len = shape.iter().product::<usize>();
            if of.name != name || of.shape != shape || of.numbers.len() != len {
                return wrong(format!(
                    "`{}` is not `{name}` of the shape {shape:?}",
                    of.name
                ));
            }
        }
        Ok(())
    }

    /// Every weight's name and shape: the table first, then those of the module as it is visited.
    #[must_use]
    pub fn shapes(&self) -> Vec<(&'static str, Vec<usize>)> {
        let (gates, width) = (4 * self.hidden, 2 * self.hidden);
        let mut shapes = vec![
            (ITEMS, vec![self.items, self.embedding]),
            ("ahead.input", vec![self.embedding, gates]),
            ("ahead.recurrent", vec![self.hidden, gates]),
            ("ahead.bias", vec![gates]),
            ("back.input", vec![self.embedding, gates]),
            ("back.recurrent", vec![self.hidden, gates]),
            ("back.bias", vec![gates]),
            ("attention.hidden", vec![width, self.attention]),
            ("attention.bias", vec![self.attention]),
            ("attention.score", vec![self.attention]),
            (WEIGHTS, vec![self.items, width]),
            (BIAS, vec![self.items]),
        ];
        if self.repeat > 0 {
            shapes.extend([
                ("repeat.features", vec![FEATURES, self.repeat]),
                ("repeat.bias", vec![self.repeat]),
                ("repeat.user", vec![width, self.repeat]),
                ("repeat.user_bias", vec![self.repeat]),
                ("repeat.items", vec![self.items]),
            ]);
        }
        shapes
    }

    /// The first weights: uniform in ±√(6 / (inputs + outputs)) (Glorot and Bengio 2010), gates apart;
    /// item vectors in ±0.5, and weights of the output, which has so many, in ±1/√inputs; biases 0,
    /// those of forget gates 1 (Jozefowicz et al. 2015), and those of what weighs own items' units 1/units.
    #[must_use]
    pub fn first(&self, seed: u64) -> Vec<Named> {
        let shapes = self.shapes().into_iter().enumerate();
        let weights = shapes.map(|(at, (name, shape))| {
            let len: usize = shape.iter().product();
            let bound = match (name, shape.as_slice()) {
                (ITEMS, _) => 0.5,
                (WEIGHTS, [_, width]) => 1.0 / (*width as f32).sqrt(),
                ("attention.hidden" | "repeat.features" | "repeat.user", [rows, columns]) => {
                    glorot(*rows, *columns)
                }
                (_, [rows, gates]) => glorot(*rows, gates / 4),
                ("attention.score", _) => glorot(len, 1),
                _ => 0.0,
            };
            let mut rng = KeyedRng::new(mix(seed ^ mix(at as u64)));
            let mut draw = || (rng.next_u64() >> 40) as f32 / (1u32 << 23) as f32 - 1.0;
            let mut numbers: Vec<f32> = (0..len).map(|_| bound * draw()).collect();
            match name {
                "ahead.bias" | "back.bias" => numbers[self.hidden..2 * self.hidden].fill(1.0),
                // Units count from the first step on, whoever the user is.
                "repeat.user_bias" => numbers.fill(1.0 / self.repeat as f32),
                _ => {}
            }
            Named {
                name: name.into(),
                shape,
                numbers,
            }
        });
        weights.collect()
    }
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
        let features = TensorData::new(of.features.clone(), [pairs, FEATURES]);
        let features = Tensor::<2>::from_data(features, &device);
        let units = features.matmul(repeat.features.val()) + repeat.bias.val().unsqueeze();
        let weights = users.matmul(repeat.user.val()) + repeat.user_bias.val().unsqueeze();
        let weights = weights.select(0, places(&of.ranks));
        let sums: Tensor<1> = (relu(units) * weights).sum_dim(1).squeeze_dim(1);
        Some(sums + repeat.items.val().select(0, places(&of.items)))
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
