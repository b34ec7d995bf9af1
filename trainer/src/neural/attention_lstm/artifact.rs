//! The artifact of the attention LSTM.

use std::sync::Arc;

use pannier_proto::manifest::ArtifactFile;
use pannier_proto::spec::{AttentionLstmParams, BasketLoss};

use super::device::ranks;
use super::near_file;
use super::neighbours::Neighbours;
use super::score::Scorer;
use super::sizes::{Named, Sizes};
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
        layers: params.repeat_layers as usize,
        near: params.neighbours > 0,
    }
}

/// Of a softmax, where what was bought counts for what it can add to nDCG@k: k.
pub(crate) fn gain(params: &AttentionLstmParams) -> Option<usize> {
    (params.loss == BasketLoss::Softmax).then_some(params.k as usize)
}

/// Writes all files of the artifact into a folder. Weights are named as [`Sizes::shapes`] has them;
/// rows of `items` and `output.weights` are real items, in order of their index. Those who have a say in
/// the model go with it.
///
/// # Errors
/// [`TrainerError::Storage`] where writing fails.
pub(crate) fn write(
    storage: &Storage,
    folder: &str,
    (weights, neighbours): (&[Named], Option<&Neighbours>),
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
    if let Some(neighbours) = neighbours {
        let file = near_file::write(storage, folder, neighbours.parts())?;
        artifact.files.push(file);
    }
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
) -> Result<Scorer, TrainerError> {
    let image = storage.get(&format!("{artifact}/{WEIGHTS}"))?;
    let sizes = sizes(params, items);
    let model = ranks(device, sizes, state::read(&image, "", &sizes)?)?;
    if !sizes.near {
        return Ok(Scorer::of(params, model, None));
    }
    let (names, vectors) = near_file::read(storage, artifact, items)?;
    let neighbours = Neighbours::new(params, names, vectors, items);
    Ok(Scorer::of(params, model, Some(Arc::new(neighbours))))
}
