//! Ranking with a model: users' vectors, and the probability of every item, some users at a time.

use burn::backend::Flex;
use burn::tensor::{Device, Tensor, TensorData};

use super::batch::{Batch, History};
use super::model::{AttentionLstm, Named, Sizes};
use crate::error::TrainerError;
use crate::neural::kernels::output::{Layer, loss};
use crate::neural::kernels::{Targets, pool, predict};

/// A model to rank with.
pub struct Scorer {
    sizes: Sizes,
    device: Device,
    model: AttentionLstm,
    items: Vec<f32>,
    output: predict::Prepared,
    weights: Vec<f32>,
    bias: Vec<f32>,
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
        let mut last = weights.split_off(weights.len() - 2).into_iter();
        let mut next = || last.next().map(|named| named.numbers).unwrap_or_default();
        let (weights, bias) = (next(), next());
        Ok(Self {
            output: predict::Prepared::new(&weights, 2 * sizes.hidden),
            sizes,
            device,
            model,
            items: items.numbers,
            weights,
            bias,
        })
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
        let users = self.model.users(means, &batch.packing, None);
        let users = users
            .try_into_primitive::<Flex>()
            .map_err(|e| TrainerError::bug(format!("{e:?}")))?;
        Ok(users
            .to_contiguous()
            .as_slice()
            .unwrap_or_default()
            .to_vec())
    }

    /// The probability of every item for each user by rank, [users, items].
    pub(crate) fn chances(&self, vectors: &[f32]) -> Vec<f32> {
        self.output.chances(vectors, &self.bias)
    }

    /// The plain loss of users' vectors, by rank.
    pub(crate) fn loss(&self, vectors: &[f32], targets: &Targets) -> f64 {
        let layer = Layer {
            weights: &self.weights,
            bias: &self.bias,
            balance: None,
        };
        loss(vectors, layer, targets, false).loss
    }

    /// The probability of every item for users with histories, in their order: [users, items].
    ///
    /// # Errors
    /// [`TrainerError::Data`] where an item is not in the catalogue.
    pub fn score(&self, histories: &[History]) -> Result<Vec<f32>, TrainerError> {
        let items = self.sizes.items;
        if histories.is_empty() {
            return Ok(Vec::new());
        }
        let batch = Batch::new(histories, &[], items)?;
        let ranked = self.chances(&self.vectors(&batch)?);
        let mut chances = vec![0.0; ranked.len()];
        for (row, user) in ranked.chunks_exact(items).zip(&batch.packing.order) {
            chances[*user as usize * items..][..items].copy_from_slice(row);
        }
        Ok(chances)
    }
}
