//! Ranking with a model on any device, some users at a time: their histories become a batch with what
//! their neighbours say, and ranks come back in their order.

use std::sync::Arc;

use pannier_proto::spec::AttentionLstmParams;

use super::artifact::gain;
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
    /// Where the model was trained by a softmax: its k.
    gain: Option<usize>,
}

impl Scorer {
    /// Of all weights of [`Sizes::shapes`].
    ///
    /// # Errors
    /// [`TrainerError::Data`] where one is missing or of another shape; [`TrainerError::Config`] where
    /// the device is not there.
    pub fn new(device: Device, sizes: Sizes, weights: Vec<Named>) -> Result<Self, TrainerError> {
        Ok(Self {
            model: ranks(device, sizes, weights)?,
            neighbours: None,
            gain: None,
        })
    }

    /// A model of these params with those who have a say, where it was trained with them.
    pub(crate) fn of(
        params: &AttentionLstmParams,
        model: Box<dyn Ranks>,
        neighbours: Option<Arc<Neighbours>>,
    ) -> Self {
        Self {
            model,
            neighbours,
            gain: gain(params),
        }
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
        let around = (self.neighbours.as_deref(), self.gain);
        self.sizes().batch_of(users, targets, around)
    }

    /// The probability of every item for each user by rank, of a softmax its share, [users, items], and the
    /// loss of what they bought next.
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
        if self.gain.is_some() {
            for (row, history) in chances.chunks_exact_mut(items).zip(histories) {
                let bought: usize = history.iter().map(Vec::len).sum();
                let size = bought as f32 / history.len().max(1) as f32;
                row.iter_mut().for_each(|x| *x = (*x * size).min(1.0));
            }
        }
        Ok(chances)
    }
}
