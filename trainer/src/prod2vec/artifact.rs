//! The artifact of prod2vec.

use pannier_proto::ids::FIRST_ITEM;
use pannier_proto::manifest::ArtifactFile;

use crate::artifact::{Artifact, ArtifactConfig};
use crate::error::TrainerError;
use crate::prod2vec::checkpoint::tensors;
use crate::prod2vec::model::Model;
use crate::storage::Storage;
use crate::vocab::Vocab;

/// Writes all files of the artifact into a folder; weights are tensors `input` and `output`,
/// f32 [items + 2, dim].
///
/// # Errors
/// [`TrainerError::Storage`] where writing fails.
pub(crate) fn write(
    storage: &Storage,
    folder: &str,
    model: &Model,
    vocab: &Vocab,
    config: &ArtifactConfig,
) -> Result<Vec<ArtifactFile>, TrainerError> {
    let mut artifact = Artifact::new(storage, folder);
    let weights = tensors(model, &[], "pannier", config.line()?)?;
    let vector = |item: usize| model.vector(item + FIRST_ITEM as usize);
    artifact.items(config, weights, vocab, model.dim(), vector, Vec::new())?;
    Ok(artifact.files)
}
