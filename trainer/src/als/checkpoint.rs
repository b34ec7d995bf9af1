//! The state of an ALS training as a safetensors image: tensors users and items, f32 [rows, factors];
//! metadata `state` in JSON.

use std::collections::HashMap;

use safetensors::tensor::{Dtype, TensorView};
use safetensors::{SafeTensors, serialize};
use serde::{Deserialize, Serialize};

use super::factors::Factors;
use crate::checkpoint::{Checkpointed, OTHER_WORK};
use crate::error::TrainerError;

/// What a training knows besides its inputs.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct State {
    pub users: Factors,
    pub items: Factors,
    /// Iterations done.
    pub done: u64,
}

/// The part of a state that is no matrix.
#[derive(Serialize, Deserialize)]
struct Header {
    /// Digest of everything that decides the training.
    work: String,
    done: u64,
}

impl Checkpointed for State {
    fn next(&self) -> (u64, u64) {
        (self.done, 0)
    }

    fn encode(&self, work: &str) -> Result<Vec<u8>, TrainerError> {
        let header = Header {
            work: work.to_owned(),
            done: self.done,
        };
        let header = serde_json::to_string(&header).map_err(TrainerError::bug)?;
        image(
            &[("items", &self.items), ("users", &self.users)],
            "state",
            header,
        )
    }

    fn decode(image: &[u8], work: &str) -> Result<Self, TrainerError> {
        let wrong = |reason: &str| TrainerError::data("checkpoint", reason);
        let header: Header =
            serde_json::from_str(&metadata(image, "state")?).map_err(|e| wrong(&e.to_string()))?;
        if header.work != work {
            return Err(wrong(OTHER_WORK));
        }
        Ok(Self {
            users: factors(image, "users")?,
            items: factors(image, "items")?,
            done: header.done,
        })
    }
}

/// Matrices as safetensors, with one entry of metadata.
///
/// # Errors
/// [`TrainerError::Bug`].
pub(super) fn image(
    matrices: &[(&str, &Factors)],
    key: &str,
    text: String,
) -> Result<Vec<u8>, TrainerError> {
    let bytes: Vec<Vec<u8>> = matrices.iter().map(|(_, f)| f.bytes()).collect();
    let mut views = Vec::with_capacity(matrices.len());
    for ((name, factors), bytes) in matrices.iter().zip(&bytes) {
        let shape = vec![factors.rows(), factors.dim()];
        let view = TensorView::new(Dtype::F32, shape, bytes).map_err(TrainerError::bug)?;
        views.push((*name, view));
    }
    // One entry only: the writer's map has no order of its own.
    let metadata = HashMap::from([(key.to_owned(), text)]);
    serialize(views, Some(metadata)).map_err(TrainerError::bug)
}

/// A matrix of a safetensors image.
///
/// # Errors
/// [`TrainerError::Data`] where it is not there.
pub(super) fn factors(image: &[u8], name: &str) -> Result<Factors, TrainerError> {
    let wrong = |reason: String| TrainerError::data("weights", reason);
    let tensors = SafeTensors::deserialize(image).map_err(|e| wrong(e.to_string()))?;
    let tensor = tensors.tensor(name).map_err(|e| wrong(e.to_string()))?;
    match (tensor.shape(), tensor.dtype()) {
        ([rows, dim], Dtype::F32) => Factors::from_bytes(*rows, *dim, tensor.data()),
        _ => Err(wrong(format!("`{name}` is no matrix of floats"))),
    }
}

fn metadata(image: &[u8], key: &str) -> Result<String, TrainerError> {
    let wrong = |reason: String| TrainerError::data("weights", reason);
    let (_, metadata) = SafeTensors::read_metadata(image).map_err(|e| wrong(e.to_string()))?;
    let entries = metadata.metadata().as_ref();
    let text = entries.and_then(|m| m.get(key)).cloned();
    text.ok_or_else(|| wrong(format!("no metadata `{key}`")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_read_back_for_the_same_work_alone() {
        let state = State {
            users: Factors::random(5, 19, 1),
            items: Factors::random(3, 19, 2),
            done: 4,
        };
        let image = state.encode("w").unwrap();
        assert_eq!(State::decode(&image, "w").unwrap(), state);
        assert!(
            State::decode(&image, "v")
                .unwrap_err()
                .to_string()
                .contains("other params")
        );
        assert!(State::decode(&image[..99], "w").is_err());
    }
}
