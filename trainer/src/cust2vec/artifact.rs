//! The artifact of cust2vec: what every model with vectors of items has, `users.parquet`, and beside the
//! items' vectors what a user's is multiplied with and what is added.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float32Array};
use pannier_proto::ids::FIRST_ITEM;
use pannier_proto::manifest::ArtifactFile;

use super::checkpoint::{matrices, of};
use super::vectors::Vectors;
use crate::artifact::{Artifact, ArtifactConfig, WEIGHTS, vector_column};
use crate::error::TrainerError;
use crate::names::Names;
use crate::storage::Storage;
use crate::tensors;
use crate::vocab::Vocab;

/// What was learned.
pub(crate) struct Learned<'a> {
    pub names: &'a Names,
    pub vectors: &'a Vectors,
    /// Items have learned vectors of their own; if not, V stands for them.
    pub items: bool,
    /// What scores add for each real item.
    pub priors: &'a [f32],
}

/// Writes all files of the artifact into a folder; weights are matrices `input`, f32 [items + 2, dim],
/// and `output`, f32 [items + 2, slots · dim]. The column `output` has the user's piece of V's rows.
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
    let vectors = learned.vectors;
    let output = |item: usize| vectors.output(item + FIRST_ITEM as usize);
    let vector = |item: usize| match learned.items {
        true => vectors.item(item + FIRST_ITEM as usize),
        false => output(item),
    };
    let outputs = vector_column(vectors.dim(), (0..vocab.items.len()).map(output))?;
    let priors: ArrayRef = Arc::new(Float32Array::from(learned.priors.to_vec()));
    let more = vec![("output", outputs, false), ("prior", priors, false)];
    let weights = tensors::write(&matrices(vectors), "pannier", config.line()?)?;
    artifact.items(config, weights, vocab, vectors.dim(), vector, more)?;
    artifact.users(learned.names, vectors.dim(), |user| vectors.user(user))?;
    Ok(artifact.files)
}

/// U and V of an artifact, without users.
///
/// # Errors
/// [`TrainerError::Storage`] where it cannot be read; [`TrainerError::Data`] where it is none.
pub(crate) fn load(storage: &Storage, artifact: &str) -> Result<Vectors, TrainerError> {
    of(&storage.get(&format!("{artifact}/{WEIGHTS}"))?, &[])
}
