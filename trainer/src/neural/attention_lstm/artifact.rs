//! The artifact of the attention LSTM.

use pannier_proto::manifest::ArtifactFile;
use pannier_proto::spec::AttentionLstmParams;

use super::device::{Ranks, scorer};
use super::model::{Named, Sizes};
use super::state;
use crate::artifact::{Artifact, ArtifactConfig, WEIGHTS};
use crate::device::Device;
use crate::error::TrainerError;
use crate::storage::Storage;
use crate::vocab::Vocab;

/// The sizes that params ask for.
pub(crate) fn sizes(params: &AttentionLstmParams, items: usize) -> Sizes {
    Sizes {
        items,
        embedding: params.embedding as usize,
        hidden: params.hidden as usize,
        attention: params.attention as usize,
        repeat: params.repeat_units as usize,
    }
}

/// Writes all files of the artifact into a folder. Weights are named as [`Sizes::shapes`] has them;
/// rows of `items` and `output.weights` are real items, in order of their index.
///
/// # Errors
/// [`TrainerError::Storage`] where writing fails.
pub(crate) fn write(
    storage: &Storage,
    folder: &str,
    weights: &[Named],
    vocab: &Vocab,
    config: &ArtifactConfig,
) -> Result<Vec<ArtifactFile>, TrainerError> {
    let mut artifact = Artifact::new(storage, folder);
    let table = weights
        .first()
        .ok_or_else(|| TrainerError::bug("no weights"))?;
    let dim = table.numbers.len() / vocab.items.len().max(1);
    let vector = |item: usize| &table.numbers[item * dim..][..dim];
    let image = state::write(weights, "pannier", config.line()?)?;
    artifact.items(config, image, vocab, dim, vector, Vec::new())?;
    Ok(artifact.files)
}

/// The model of an artifact, to rank with on a device.
///
/// # Errors
/// [`TrainerError::Storage`] where it cannot be read; [`TrainerError::Data`] where it is no model of
/// these params for so many items.
pub(crate) fn load(
    storage: &Storage,
    artifact: &str,
    params: &AttentionLstmParams,
    items: usize,
    device: Device,
) -> Result<Box<dyn Ranks>, TrainerError> {
    let image = storage.get(&format!("{artifact}/{WEIGHTS}"))?;
    let sizes = sizes(params, items);
    scorer(device, sizes, state::read(&image, "", &sizes)?)
}
