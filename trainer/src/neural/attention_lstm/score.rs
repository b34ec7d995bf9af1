//! Ranking with a model on any device, some users at a time: their histories become a batch with what
//! their neighbours say, and ranks come back in their order.

use std::sync::Arc;

use super::batch::{Batch, History};
use super::device::{Ranks, ranks};
use super::neighbours::Neighbours;
use super::sizes::{Named, Sizes};
use crate::device::Device;
use crate::error::TrainerError;

/// A model to rank with.
pub struct Scorer {
    model: Box<dyn Ranks>,
    neighbours: Option<Arc<Neighbours>>,
}

impl Scorer {
    /// Of all weights of [`Sizes::shapes`].
    ///
    /// # Errors
    /// [`TrainerError::Data`] where one is missing or of another shape; [`TrainerError::Config`] where
    /// the device is not there.
    pub fn new(device: Device, sizes: Sizes, weights: Vec<Named>) -> Result<Self, TrainerError> {
        Ok(Self::among(ranks(device, sizes, weights)?, None))
    }

    /// With those who have a say, where the model was trained with them.
    pub(crate) fn among(model: Box<dyn Ranks>, neighbours: Option<Arc<Neighbours>>) -> Self {
        Self { model, neighbours }
    }

    /// Its sizes.
    #[must_use]
    pub fn sizes(&self) -> Sizes {
        self.model.sizes()
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
        let neighbours = self.neighbours.as_deref();
        self.sizes().batch_of(users, targets, neighbours)
    }

    /// The probability of every item for each user by rank, [users, items], and the plain loss of what
    /// they bought next.
    ///
    /// # Errors
    /// [`TrainerError`] where the device fails.
    pub(crate) fn judge(&self, batch: &Batch) -> Result<(Vec<f32>, f64), TrainerError> {
        self.model.judge(batch)
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
        let items = self.sizes().items;
        if histories.is_empty() {
            return Ok(Vec::new());
        }
        let batch = self.batch((names, histories), &[])?;
        let ranked = self.model.chances(&batch)?;
        let mut chances = vec![0.0; ranked.len()];
        for (row, user) in ranked.chunks_exact(items).zip(&batch.packing.order) {
            chances[*user as usize * items..][..items].copy_from_slice(row);
        }
        Ok(chances)
    }
}
