//! The state of a cust2vec training as a safetensors image: matrices users, input and output, and with
//! Adagrad its sums; metadata `state` in JSON.

use pannier_proto::ids::FIRST_ITEM;
use serde::{Deserialize, Serialize};

use super::vectors::Vectors;
use crate::checkpoint::{Checkpointed, OTHER_WORK};
use crate::error::TrainerError;
use crate::sgns::Squares;
use crate::tensors::{self, Matrix};

/// What a training knows besides its inputs.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct State {
    pub vectors: Vectors,
    /// What Adagrad keeps.
    pub squares: Option<Squares>,
    /// Epochs done.
    pub done: u32,
}

/// The part of a state that is no matrix.
#[derive(Serialize, Deserialize)]
struct Header {
    /// Digest of everything that decides the training.
    work: String,
    done: u32,
}

impl Checkpointed for State {
    fn next(&self) -> (u64, u64) {
        (u64::from(self.done), 0)
    }

    fn encode(&self, work: &str) -> Result<Vec<u8>, TrainerError> {
        let header = Header {
            work: work.to_owned(),
            done: self.done,
        };
        let header = serde_json::to_string(&header).map_err(TrainerError::bug)?;
        let mut matrices = matrices(&self.vectors);
        let users = (0..self.vectors.users()).map(|user| self.vectors.user(user));
        matrices.push(Matrix::new("users", self.vectors.dim(), users));
        if let Some(squares) = &self.squares {
            let (input, output) = squares.sums();
            let rows = |sums: &[f32]| sums.len().max(1);
            matrices.push(Matrix::new(
                "input_squares",
                rows(&input),
                [&input[..]].into_iter(),
            ));
            matrices.push(Matrix::new(
                "output_squares",
                rows(&output),
                [&output[..]].into_iter(),
            ));
        }
        tensors::write(&matrices, "state", header)
    }

    fn decode(image: &[u8], work: &str) -> Result<Self, TrainerError> {
        let wrong = |reason: &str| TrainerError::data("checkpoint", reason);
        let header: Header = serde_json::from_str(&tensors::metadata(image, "state")?)
            .map_err(|e| wrong(&e.to_string()))?;
        if header.work != work {
            return Err(wrong(OTHER_WORK));
        }
        let users = tensors::must(image, "users")?.1;
        let input = tensors::read(image, "input_squares")?;
        let output = tensors::read(image, "output_squares")?;
        let squares = input.zip(output);
        Ok(Self {
            vectors: of(image, &users)?,
            squares: squares.map(|((_, input), (_, output))| Squares::of(&input, &output)),
            done: header.done,
        })
    }
}

/// U and V on their way into a file, all rows.
pub(super) fn matrices(vectors: &Vectors) -> Vec<Matrix> {
    let (dim, rows, slots) = (vectors.dim(), vectors.rows(), vectors.slots());
    let piece = |at| vectors.piece(at / slots, at % slots);
    vec![
        Matrix::new("input", dim, (0..rows).map(|row| vectors.item(row))),
        Matrix::new("output", dim, (0..rows * slots).map(piece)).end_to_end(slots),
    ]
}

/// U and V of a file, with these users.
///
/// # Errors
/// [`TrainerError::Data`] where it holds none.
pub(super) fn of(image: &[u8], users: &[f32]) -> Result<Vectors, TrainerError> {
    let (dim, input) = tensors::must(image, "input")?;
    let vectors = Vectors::of(dim, users, &input, &tensors::must(image, "output")?.1)?;
    if vectors.rows() < FIRST_ITEM as usize {
        return Err(TrainerError::data("weights", "they are of no items"));
    }
    Ok(vectors)
}
