//! Ranking with a model: users' vectors, and the probability of every item, some users at a time.

use std::sync::Arc;

use burn::backend::Flex;
use burn::tensor::{Device, Tensor, TensorData};

use super::batch::{Batch, History};
use super::model::AttentionLstm;
use super::neighbours::Neighbours;
use super::sizes::{BIAS, Named, Sizes, WEIGHTS};
use crate::error::TrainerError;
use crate::neural::kernels::output::{Added, Layer, loss};
use crate::neural::kernels::{pool, predict};

/// A model to rank with.
pub struct Scorer {
    sizes: Sizes,
    device: Device,
    model: AttentionLstm,
    items: Vec<f32>,
    output: predict::Prepared,
    weights: Vec<f32>,
    bias: Vec<f32>,
    neighbours: Option<Arc<Neighbours>>,
}

impl Scorer {
    /// Of all weights of [`Sizes::shapes`].
    ///
    /// # Errors
    /// [`TrainerError::Data`] where one is missing or of another shape.
    pub fn new(sizes: Sizes, mut weights: Vec<Named>) -> Result<Self, TrainerError> {
        sizes.check(&weights)?;
        let items = weights.remove(0);
        let device = Device::flex();
        let model = AttentionLstm::new(&weights, &device)?;
        let mut of = |name: &str| {
            let named = weights.iter_mut().find(|named| named.name == name);
            named
                .map(|named| std::mem::take(&mut named.numbers))
                .unwrap_or_default()
        };
        let (weights, bias) = (of(WEIGHTS), of(BIAS));
        Ok(Self {
            output: predict::Prepared::new(&weights, 2 * sizes.hidden),
            sizes,
            device,
            model,
            items: items.numbers,
            weights,
            bias,
            neighbours: None,
        })
    }

    /// The same with those who have a say, where the model was trained with them.
    pub(crate) fn among(mut self, neighbours: Option<Arc<Neighbours>>) -> Self {
        self.neighbours = neighbours;
        self
    }

    /// Users as the model reads them, on the pool of the calling thread.
    ///
    /// # Errors
    /// [`TrainerError::Data`] where an item is not in the catalogue.
    pub(crate) fn batch(
        &self,
        users: (&[Option<&str>], &[History]),
        targets: &[Vec<u32>],
    ) -> Result<Batch, TrainerError> {
        self.sizes
            .batch_of(users, targets, self.neighbours.as_deref())
    }

    /// Its sizes.
    #[must_use]
    pub fn sizes(&self) -> Sizes {
        self.sizes
    }

    /// Vectors of users by rank, [users, 2 · hidden]. Users need no target.
    ///
    /// # Errors
    /// [`TrainerError::Bug`].
    pub(crate) fn vectors(&self, batch: &Batch) -> Result<Vec<f32>, TrainerError> {
        let dim = self.sizes.embedding;
        let means = pool::forward(&self.items, dim, &batch.baskets, None);
        let means = TensorData::new(means, [batch.packing.rows(), dim]);
        let means = Tensor::<2>::from_data(means, &self.device);
        numbers(self.model.users(means, &batch.packing, None))
    }

    /// The probability of every item for each user by rank, [users, items], and the plain loss of what
    /// they bought next.
    ///
    /// # Errors
    /// [`TrainerError::Bug`].
    pub(crate) fn judge(&self, batch: &Batch) -> Result<(Vec<f32>, f64), TrainerError> {
        let vectors = self.vectors(batch)?;
        let added = self.added(&vectors, batch)?;
        let layer = Layer {
            weights: &self.weights,
            bias: &self.bias,
            balance: None,
            added: added
                .as_deref()
                .zip(batch.repeats.as_ref())
                .map(|(logits, of)| Added {
                    pairs: &of.pairs,
                    logits,
                }),
        };
        let loss = loss(&vectors, layer, &batch.targets, false).loss;
        Ok((self.chances(&vectors, added.as_deref(), batch), loss))
    }

    /// The probability of every item for users' vectors by rank, with what is added to logits.
    fn chances(&self, vectors: &[f32], added: Option<&[f32]>, batch: &Batch) -> Vec<f32> {
        let mut chances = self.output.chances(vectors, &self.bias);
        let (items, width) = (self.sizes.items, 2 * self.sizes.hidden);
        let Some((added, of)) = added.zip(batch.repeats.as_ref()) else {
            return chances;
        };
        for ((rank, item), added) in of.ranks.iter().zip(&of.items).zip(added) {
            let (rank, item) = (*rank as usize, *item as usize);
            let vector = &vectors[rank * width..][..width];
            let weights = &self.weights[item * width..][..width];
            let dot: f32 = vector.iter().zip(weights).map(|(x, w)| x * w).sum();
            let logit = dot + self.bias[item] + added;
            chances[rank * items + item] = 1.0 / (1.0 + (-logit).exp());
        }
        chances
    }

    /// What is added to the logits of users' own items; none where there is nothing.
    fn added(&self, vectors: &[f32], batch: &Batch) -> Result<Option<Vec<f32>>, TrainerError> {
        let Some(of) = &batch.repeats else {
            return Ok(None);
        };
        let shape = [batch.users(), 2 * self.sizes.hidden];
        let users = Tensor::from_data(TensorData::new(vectors.to_vec(), shape), &self.device);
        let added = self.model.repeats(users, of).map(numbers);
        added.transpose()
    }

    /// The probability of every item for users with histories, in their order: [users, items].
    ///
    /// # Errors
    /// [`TrainerError::Data`] where an item is not in the catalogue.
    pub fn score(&self, histories: &[History]) -> Result<Vec<f32>, TrainerError> {
        self.score_of(&[], histories)
    }

    /// The same of users with names, of whom nobody is their own neighbour.
    ///
    /// # Errors
    /// [`TrainerError::Data`] where an item is not in the catalogue.
    pub(crate) fn score_of(
        &self,
        names: &[Option<&str>],
        histories: &[History],
    ) -> Result<Vec<f32>, TrainerError> {
        let items = self.sizes.items;
        if histories.is_empty() {
            return Ok(Vec::new());
        }
        let batch = self.batch((names, histories), &[])?;
        let vectors = self.vectors(&batch)?;
        let added = self.added(&vectors, &batch)?;
        let ranked = self.chances(&vectors, added.as_deref(), &batch);
        let mut chances = vec![0.0; ranked.len()];
        for (row, user) in ranked.chunks_exact(items).zip(&batch.packing.order) {
            chances[*user as usize * items..][..items].copy_from_slice(row);
        }
        Ok(chances)
    }
}

/// A tensor's numbers, one after another.
fn numbers<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f32>, TrainerError> {
    let tensor = tensor.try_into_primitive::<Flex>();
    let tensor = tensor.map_err(|e| TrainerError::bug(format!("{e:?}")))?;
    let tensor = tensor.to_contiguous();
    Ok(tensor.as_slice().unwrap_or_default().to_vec())
}
