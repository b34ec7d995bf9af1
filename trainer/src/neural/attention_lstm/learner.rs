//! One step after another: forward, backward, clipping and Adam. Knows nothing of feeds and files.

use std::sync::Arc;

use burn::backend::Flex;
use burn::backend::flex::FlexTensor;
use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Device, Gradients, Tensor, TensorData};

use super::batch::Batch;
use super::masks::Masks;
use super::model::AttentionLstm;
use super::ranker::Ranker;
use super::sizes::{ITEMS, Named, Sizes};
use crate::error::TrainerError;
use crate::neural::kernels::adam::{Moments, RowMoments, Step, squares};
use crate::neural::kernels::pool;
use crate::neural::ops::Balance;

/// How a step learns.
#[derive(Debug, Clone, Copy, Default)]
pub struct Rates {
    /// Learning rate.
    pub rate: f64,
    /// AdamW's decay of weights, apart from the gradient.
    pub decay: f64,
    /// Adam's, as a part of the gradient.
    pub l2: f64,
    /// Length that gradients are shortened to; 0: never.
    pub clip_norm: f64,
    /// Share of the numbers of baskets' and users' vectors that are left out.
    pub dropout: f64,
    /// Share of the states that do not enter the next step.
    pub recurrent_dropout: f64,
    /// What masks are drawn by: of the run and the step.
    pub seed: u64,
}

/// A model while it learns.
#[derive(Debug)]
pub struct Learner {
    sizes: Sizes,
    device: Device,
    /// None only after a step that failed.
    model: Option<AttentionLstm>,
    items: Vec<f32>,
    moments: Vec<Moments>,
    rows: RowMoments,
    balance: Balance,
}

/// What Adam keeps, and of which step.
#[derive(Debug, Clone, PartialEq)]
pub struct Kept {
    /// Of the module's weights, as they are visited.
    pub(crate) moments: Vec<Moments>,
    /// Of the table.
    pub(crate) items: Moments,
    /// By row: the step of its last gradient.
    pub(crate) learned: Vec<u32>,
    /// Steps done.
    pub(crate) steps: u64,
}

impl Learner {
    /// From all weights of [`Sizes::shapes`]. `balance`, by item: weights of the loss where it was not
    /// bought, and where it was.
    ///
    /// # Errors
    /// [`TrainerError::Data`] where one is missing or of another shape, or units are no multiple of 16.
    pub fn new(
        sizes: Sizes,
        mut weights: Vec<Named>,
        balance: Option<Vec<[f32; 2]>>,
    ) -> Result<Self, TrainerError> {
        sizes.check(&weights)?;
        let items = weights.remove(0);
        let device = Device::flex().autodiff();
        let len = |shape: &[usize]| shape.iter().product::<usize>();
        let moments = sizes.shapes().into_iter().skip(1);
        Ok(Self {
            sizes,
            model: Some(AttentionLstm::new(&weights, &device)?),
            device,
            items: items.numbers,
            moments: moments
                .map(|(_, shape)| Moments::new(len(&shape)))
                .collect(),
            rows: RowMoments::new(sizes.items, sizes.embedding),
            balance: balance.map(Arc::new),
        })
    }

    /// Takes up what Adam kept.
    pub(crate) fn resume(&mut self, kept: Kept) {
        self.moments = kept.moments;
        self.rows.moments = kept.items;
        self.rows.learned = kept.learned;
        // All rows were up to date when it was kept, so those steps are not looked at again.
        self.rows.current.fill(kept.steps as u32);
        self.rows.steps = vec![Step::new(1, 0.0); kept.steps as usize];
    }

    /// Brings all rows of the table up to date; then what Adam keeps.
    pub(crate) fn kept(&mut self) -> Kept {
        self.rows.catch_up_all(&mut self.items);
        Kept {
            moments: self.moments.clone(),
            items: self.rows.moments.clone(),
            learned: self.rows.learned.clone(),
            steps: self.rows.steps.len() as u64,
        }
    }

    /// All weights, the table's up to date.
    ///
    /// # Errors
    /// [`TrainerError::Bug`].
    pub fn weights(&mut self) -> Result<Vec<Named>, TrainerError> {
        self.rows.catch_up_all(&mut self.items);
        let mut weights = vec![Named {
            name: ITEMS.into(),
            shape: vec![self.sizes.items, self.sizes.embedding],
            numbers: self.items.clone(),
        }];
        weights.extend(self.model()?.weights(&self.sizes)?);
        Ok(weights)
    }

    /// Learns from a batch on the pool of the calling thread; its loss before that.
    ///
    /// # Errors
    /// [`TrainerError::Bug`] where a tensor is not what it must be.
    pub fn step(&mut self, batch: &Batch, how: &Rates) -> Result<f64, TrainerError> {
        let (dim, users) = (self.sizes.embedding, batch.users());
        self.rows.catch_up(&mut self.items, &batch.baskets.rows);
        let masks = Masks::new(&self.sizes, users, how);
        let dropout = masks.baskets.as_ref().map(|factors| pool::Dropout {
            factors,
            sequences: &batch.sequences,
        });
        let means = pool::forward(&self.items, dim, &batch.baskets, dropout);
        let rows = [batch.packing.rows(), dim];
        let means =
            Tensor::<2>::from_data(TensorData::new(means, rows), &self.device).require_grad();
        let model = self.model()?;
        let mut vectors = model.users(means.clone(), &batch.packing, masks.states);
        if let Some(factors) = masks.users {
            let factors = TensorData::new(factors, [users, 2 * self.sizes.hidden]);
            vectors = vectors * Tensor::from_data(factors, &self.device);
        }
        let loss = model.loss(vectors, batch, self.balance.clone());
        let value = loss
            .clone()
            .try_into_scalar::<f32>()
            .map_err(TrainerError::bug)?;
        let mut gradients = loss.backward();
        drop(loss);
        let of_means = means.grad_remove(&mut gradients).and_then(flex);
        let of_means = of_means.ok_or_else(|| TrainerError::bug("baskets have no gradient"))?;
        let of_means = of_means.as_slice().unwrap_or_default();
        let of_rows = pool::backward(of_means, dim, &batch.baskets, dropout);
        self.apply(&batch.baskets.rows, &of_rows, gradients, how)?;
        Ok(f64::from(value))
    }

    fn model(&self) -> Result<&AttentionLstm, TrainerError> {
        let model = self.model.as_ref();
        model.ok_or_else(|| TrainerError::bug("the model is gone"))
    }

    /// Moves the weights.
    fn apply(
        &mut self,
        rows: &[u32],
        of_rows: &[f32],
        gradients: Gradients,
        how: &Rates,
    ) -> Result<(), TrainerError> {
        let mut taken = Take {
            gradients,
            of: Vec::with_capacity(self.moments.len()),
        };
        self.model()?.visit(&mut taken);
        let gradients = taken.of;
        if gradients.len() != self.moments.len() {
            return Err(TrainerError::bug("a weight has no gradient"));
        }
        let mut step = Step::new(self.rows.steps.len() as u64 + 1, how.rate);
        if how.clip_norm > 0.0 {
            let of = |tensor: &FlexTensor| squares(tensor.as_slice().unwrap_or_default());
            let norm = (gradients.iter().map(of).sum::<f64>() + squares(of_rows)).sqrt();
            step.scale = if norm > how.clip_norm {
                (how.clip_norm / norm) as f32
            } else {
                1.0
            };
        }
        self.rows.step(&mut self.items, rows, of_rows, step);
        let decayed = step.decaying(how.l2, how.rate * how.decay);
        let mut moves = Move {
            gradients: gradients.iter(),
            moments: self.moments.iter_mut(),
            step,
            decayed,
            failed: false,
        };
        // Taken out, so that weights are nobody else's and are moved where they are.
        self.model = self.model.take().map(|model| model.map(&mut moves));
        if moves.failed {
            return Err(TrainerError::bug("a weight is not what its gradient is"));
        }
        Ok(())
    }

    /// A model to rank with, as it is now.
    ///
    /// # Errors
    /// Those of [`Ranker::new`].
    pub(crate) fn ranker(&mut self) -> Result<Ranker, TrainerError> {
        Ranker::new(self.sizes, self.weights()?)
    }
}

/// A tensor as flex has it, its numbers one after another.
fn flex<const D: usize>(tensor: Tensor<D>) -> Option<FlexTensor> {
    let tensor = tensor.try_into_primitive::<Flex>().ok();
    tensor.map(|tensor| tensor.to_contiguous())
}

/// Gathers gradients as weights are visited.
struct Take {
    gradients: Gradients,
    of: Vec<FlexTensor>,
}

impl ModuleVisitor for Take {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let gradient = param.val().grad_remove(&mut self.gradients);
        self.of.extend(gradient.and_then(flex));
    }
}

/// Moves weights in their place.
struct Move<'a> {
    gradients: std::slice::Iter<'a, FlexTensor>,
    moments: std::slice::IterMut<'a, Moments>,
    step: Step,
    /// Of matrices.
    decayed: Step,
    failed: bool,
}

impl ModuleMapper for Move<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let (id, tensor, mapper) = param.consume();
        let step = if D > 1 { self.decayed } else { self.step };
        let (device, shape) = (tensor.device(), tensor.shape());
        let (gradient, moments) = (self.gradients.next(), self.moments.next());
        let moved = match (flex(tensor.inner()), gradient, moments) {
            (Some(mut weights), Some(gradient), Some(moments)) => {
                let gradient = gradient.as_slice().unwrap_or_default();
                moments.step(weights.storage_mut(), gradient, step);
                Tensor::from_inner(Tensor::from_primitive::<Flex>(weights))
            }
            _ => {
                self.failed = true;
                Tensor::zeros(shape, &device)
            }
        };
        let moved = moved.require_grad();
        Param::from_mapped_value(id, moved, mapper)
    }
}

#[cfg(test)]
mod tests {
    use super::super::model::Read;
    use super::*;

    const SIZES: Sizes = Sizes {
        items: 20,
        embedding: 8,
        hidden: 16,
        attention: 8,
        repeat: 4,
        layers: 2,
        near: false,
    };

    #[test]
    fn weights_that_do_not_fit_are_refused() {
        let odd = Sizes {
            hidden: 20,
            ..SIZES
        };
        assert!(Learner::new(odd, odd.first(3), None).is_err());
        let mut weights = SIZES.first(3);
        weights[3].numbers.pop();
        assert!(Learner::new(SIZES, weights, None).is_err());
        assert!(Ranker::new(SIZES, SIZES.first(3)[1..].to_vec()).is_err());
    }

    /// A copy of all weights in every step would be a tenth of its time.
    #[test]
    fn weights_are_moved_where_they_are() {
        let mut learner = Learner::new(SIZES, SIZES.first(3), None).unwrap();
        let batch = SIZES
            .batch(&[vec![vec![1, 2], vec![3]]], &[vec![0, 9]])
            .unwrap();
        let places = |learner: &Learner| {
            let mut read = Read(Vec::new());
            learner.model().unwrap().visit(&mut read);
            let places = read.0.iter().map(|tensor| tensor.storage::<f32>().as_ptr());
            places.collect::<Vec<_>>()
        };
        let before = places(&learner);
        for _ in 0..3 {
            learner
                .step(
                    &batch,
                    &Rates {
                        rate: 0.1,
                        ..Rates::default()
                    },
                )
                .unwrap();
        }
        assert_eq!((before.len(), places(&learner)), (18, before));
    }

    #[test]
    fn a_batch_is_learned_by_heart() {
        let sizes = SIZES;
        let histories = [
            vec![vec![1, 2], vec![3]],
            vec![vec![4]],
            vec![vec![5], vec![6, 7], vec![8]],
        ];
        let targets = [vec![0, 9], vec![10], vec![11, 12, 13]];
        let batch = sizes.batch(&histories, &targets).unwrap();
        for (dropout, recurrent_dropout, clip_norm) in [
            (0.0, 0.0, 0.0),
            (0.2, 0.0, 0.0),
            (0.0, 0.2, 0.0),
            (0.0, 0.0, 0.1),
        ] {
            let mut learner = Learner::new(sizes, sizes.first(3), None).unwrap();
            let losses: Vec<f64> = (0..200)
                .map(|step| {
                    let how = Rates {
                        rate: 0.01,
                        dropout,
                        recurrent_dropout,
                        clip_norm,
                        seed: step,
                        ..Rates::default()
                    };
                    learner.step(&batch, &how).unwrap()
                })
                .collect();
            assert!(losses[199] < 0.1 * losses[0], "{losses:?}");
        }
    }
}
