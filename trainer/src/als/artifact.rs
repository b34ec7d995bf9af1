//! The artifact of ALS: what every model with vectors of items has, and `users.parquet`, the vectors of
//! users in the order in which they were read.

use pannier_proto::manifest::ArtifactFile;

use super::checkpoint::{factors, matrix};
use super::factors::Factors;
use crate::artifact::{Artifact, ArtifactConfig, WEIGHTS};
use crate::error::TrainerError;
use crate::names::Names;
use crate::storage::Storage;
use crate::tensors;
use crate::vocab::Vocab;

/// Name of the tensor, f32 [items, factors], of real items alone.
const ITEMS: &str = "items";

/// What was learned.
pub(crate) struct Learned<'a> {
    pub names: &'a Names,
    /// A row for each name.
    pub users: &'a Factors,
    /// A row for each real item.
    pub items: &'a Factors,
}

/// Writes all files of the artifact into a folder.
///
/// # Errors
/// [`TrainerError::Storage`] where writing fails.
pub(crate) fn write(
    storage: &Storage,
    folder: &str,
    learned: &Learned<'_>,
    vocab: &Vocab,
    config: &ArtifactConfig,
) -> Result<Vec<ArtifactFile>, TrainerError> {
    let mut artifact = Artifact::new(storage, folder);
    let items = learned.items;
    let weights = tensors::write(&[matrix(ITEMS, items)], "pannier", config.line()?)?;
    let vector = |item: usize| items.row(item);
    artifact.items(config, weights, vocab, items.dim(), vector, Vec::new())?;
    let users = learned.users;
    artifact.users(learned.names, users.dim(), |user| users.row(user))?;
    Ok(artifact.files)
}

/// The items' factors of an artifact.
///
/// # Errors
/// [`TrainerError::Storage`] where it cannot be read; [`TrainerError::Data`] where it is none.
pub(crate) fn load(storage: &Storage, artifact: &str) -> Result<Factors, TrainerError> {
    factors(&storage.get(&format!("{artifact}/{WEIGHTS}"))?, ITEMS)
}
