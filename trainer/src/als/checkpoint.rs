//! The state of an ALS training as a safetensors image: tensors users and items, f32 [rows, factors];
//! metadata `state` in JSON.

use serde::{Deserialize, Serialize};

use super::factors::Factors;
use crate::checkpoint::{Checkpointed, OTHER_WORK};
use crate::error::TrainerError;
use crate::tensors::{self, Matrix};

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
        let matrices = [matrix("items", &self.items), matrix("users", &self.users)];
        tensors::write(&matrices, "state", header)
    }

    fn decode(image: &[u8], work: &str) -> Result<Self, TrainerError> {
        let wrong = |reason: &str| TrainerError::data("checkpoint", reason);
        let header: Header = serde_json::from_str(&tensors::metadata(image, "state")?)
            .map_err(|e| wrong(&e.to_string()))?;
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

/// Factors on their way into a file.
pub(super) fn matrix(name: &'static str, of: &Factors) -> Matrix {
    let rows: Vec<&[f32]> = (0..of.rows()).map(|row| of.row(row)).collect();
    Matrix::new(name, of.dim(), rows.into_iter())
}

/// Factors of a file.
///
/// # Errors
/// [`TrainerError::Data`] where they are not there.
pub(super) fn factors(image: &[u8], name: &str) -> Result<Factors, TrainerError> {
    let (dim, values) = tensors::must(image, name)?;
    Ok(Factors::from_rows(&values, dim))
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
