//! The model on a device: what a training loop and whoever ranks ask of it, and which device does it.
//!
//! Weights, their names and shapes ([`Sizes::shapes`]) and what Adam keeps are the same on all devices,
//! so artifacts and checkpoints are too. The numbers of a training are the same bytes on flex only.

use super::batch::Batch;
use super::learner::{Kept, Learner, Rates};
use super::ranker::Ranker;
use super::sizes::{Named, Sizes};
use crate::device::Device;
use crate::error::TrainerError;

/// A model while it learns.
pub trait Learns: Send {
    /// Learns from a batch; its loss before that.
    ///
    /// # Errors
    /// [`TrainerError`] where the device fails.
    fn step(&mut self, batch: &Batch, how: &Rates) -> Result<f64, TrainerError>;

    /// All weights, as [`Sizes::shapes`] has them.
    ///
    /// # Errors
    /// [`TrainerError`] where the device fails.
    fn weights(&mut self) -> Result<Vec<Named>, TrainerError>;

    /// What Adam keeps.
    ///
    /// # Errors
    /// [`TrainerError`] where the device fails.
    fn kept(&mut self) -> Result<Kept, TrainerError>;

    /// Takes up what Adam kept.
    ///
    /// # Errors
    /// [`TrainerError`] where the device fails.
    fn resume(&mut self, kept: Kept) -> Result<(), TrainerError>;

    /// A model to rank with, as it is now.
    ///
    /// # Errors
    /// [`TrainerError`] where the device fails.
    fn ranks(&mut self) -> Result<Box<dyn Ranks>, TrainerError>;
}

/// A model to rank with.
pub trait Ranks: Send + Sync {
    /// Its sizes.
    fn sizes(&self) -> Sizes;

    /// The probability of every item for each user by rank, or its share where the batch is of such,
    /// [users, items], and the loss of what they bought next, without a balance.
    ///
    /// # Errors
    /// [`TrainerError`] where the device fails.
    fn judge(&self, batch: &Batch) -> Result<(Vec<f32>, f64), TrainerError>;

    /// The probability alone.
    ///
    /// # Errors
    /// [`TrainerError`] where the device fails.
    fn chances(&self, batch: &Batch) -> Result<Vec<f32>, TrainerError>;
}

/// A model on a device, from all weights of [`Sizes::shapes`]. `balance`, by item: weights of the loss
/// where it was not bought, and where it was.
///
/// # Errors
/// [`TrainerError::Data`] where a weight is missing or of another shape; [`TrainerError::Config`] where
/// the device is not there.
pub fn learner(
    device: Device,
    sizes: Sizes,
    weights: Vec<Named>,
    balance: Option<Vec<[f32; 2]>>,
) -> Result<Box<dyn Learns>, TrainerError> {
    match device {
        Device::Flex => Ok(Box::new(Learner::new(sizes, weights, balance)?)),
        #[cfg(feature = "tch")]
        Device::Tch | Device::TchCuda => Ok(Box::new(crate::torch::attention_lstm::Learner::new(
            device, sizes, &weights, balance,
        )?)),
        #[cfg(not(feature = "tch"))]
        Device::Tch | Device::TchCuda => Err(device.missing()),
    }
}

/// A model to rank with on a device, of all weights of [`Sizes::shapes`].
///
/// # Errors
/// As [`learner`].
pub fn ranks(
    device: Device,
    sizes: Sizes,
    weights: Vec<Named>,
) -> Result<Box<dyn Ranks>, TrainerError> {
    match device {
        Device::Flex => Ok(Box::new(Ranker::new(sizes, weights)?)),
        #[cfg(feature = "tch")]
        Device::Tch | Device::TchCuda => Ok(Box::new(crate::torch::attention_lstm::Ranker::new(
            device, sizes, &weights,
        )?)),
        #[cfg(not(feature = "tch"))]
        Device::Tch | Device::TchCuda => Err(device.missing()),
    }
}

/// On the pool of the calling thread.
impl Learns for Learner {
    fn step(&mut self, batch: &Batch, how: &Rates) -> Result<f64, TrainerError> {
        self.step(batch, how)
    }

    fn weights(&mut self) -> Result<Vec<Named>, TrainerError> {
        self.weights()
    }

    fn kept(&mut self) -> Result<Kept, TrainerError> {
        Ok(self.kept())
    }

    fn resume(&mut self, kept: Kept) -> Result<(), TrainerError> {
        self.resume(kept);
        Ok(())
    }

    fn ranks(&mut self) -> Result<Box<dyn Ranks>, TrainerError> {
        Ok(Box::new(self.ranker()?))
    }
}
