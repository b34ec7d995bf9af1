//! The weights of prod2vec: where they lie and how they begin.

use pannier_proto::feed::mix;
use pannier_proto::ids::FIRST_ITEM;

use crate::error::TrainerError;
use crate::lanes::{Lane, WIDTH, draw, floats};
use crate::sgns::{Squares, Weights};

/// Input vectors U and output vectors V, f32 [rows, dim]. Rows 0 and 1 (PAD, UNK) stay zero.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    rows: usize,
    dim: usize,
    lanes: usize,
    input: Vec<Lane>,
    output: Vec<Lane>,
}

impl Model {
    /// As word2vec.c begins: U uniform in ±0.5/dim, V zero. An item's vector depends on (seed,
    /// index) alone. `rows`: real items and two.
    #[must_use]
    pub fn new(rows: usize, dim: usize, seed: u64) -> Self {
        let lanes = dim.div_ceil(WIDTH);
        let mut model = Self {
            rows,
            dim,
            lanes,
            input: vec![Lane::ZERO; rows * lanes],
            output: vec![Lane::ZERO; rows * lanes],
        };
        for row in FIRST_ITEM as usize..rows {
            let lanes = &mut model.input[row * lanes..][..lanes];
            draw(
                lanes,
                dim,
                mix(seed ^ mix(row as u64 ^ 0x7765_6967_6874_7321)),
            );
        }
        model
    }

    /// A model from matrices of little-endian floats, row after row.
    ///
    /// # Errors
    /// [`TrainerError::Data`] where the bytes are not `rows · dim` floats.
    pub fn from_bytes(
        rows: usize,
        dim: usize,
        input: &[u8],
        output: &[u8],
    ) -> Result<Self, TrainerError> {
        let lanes = dim.div_ceil(WIDTH);
        let read = |bytes: &[u8]| {
            if dim == 0 || bytes.len() != rows * dim * 4 {
                return Err(TrainerError::data(
                    "weights",
                    format!("{} bytes are not {rows} x {dim} floats", bytes.len()),
                ));
            }
            let mut out = vec![Lane::ZERO; rows * lanes];
            for (row, bytes) in out.chunks_exact_mut(lanes).zip(bytes.chunks_exact(dim * 4)) {
                let floats = bytes
                    .chunks_exact(4)
                    .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]));
                row.iter_mut()
                    .flat_map(|lane| &mut lane.0)
                    .zip(floats)
                    .for_each(|(x, f)| *x = f);
            }
            Ok(out)
        };
        Ok(Self {
            rows,
            dim,
            lanes,
            input: read(input)?,
            output: read(output)?,
        })
    }

    /// Rows of each matrix.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Floats of a vector.
    #[must_use]
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// Lanes of a row.
    pub(crate) fn lanes(&self) -> usize {
        self.lanes
    }

    /// U, all rows; floats of a row beyond `dim` are zero.
    pub(crate) fn input_rows(&self) -> &[Lane] {
        &self.input
    }

    /// V, all rows; as U.
    pub(crate) fn output_rows(&self) -> &[Lane] {
        &self.output
    }

    /// U and V, to train.
    pub(crate) fn weights<'a>(&'a mut self, squares: Option<&'a Squares>) -> Weights<'a> {
        let shape = (self.lanes, self.dim);
        Weights::new(&mut self.input, &mut self.output, shape, squares)
    }

    /// An item's vector in U.
    #[must_use]
    pub fn vector(&self, row: usize) -> &[f32] {
        &floats(&self.input[row * self.lanes..][..self.lanes])[..self.dim]
    }

    /// U as little-endian floats, f32 [rows, dim].
    #[must_use]
    pub fn input_bytes(&self) -> Vec<u8> {
        self.bytes(&self.input)
    }

    /// V as little-endian floats, f32 [rows, dim].
    #[must_use]
    pub fn output_bytes(&self) -> Vec<u8> {
        self.bytes(&self.output)
    }

    fn bytes(&self, matrix: &[Lane]) -> Vec<u8> {
        let rows = matrix.chunks_exact(self.lanes.max(1));
        rows.flat_map(|row| row.iter().flat_map(|lane| &lane.0).take(self.dim))
            .flat_map(|x| x.to_le_bytes())
            .collect()
    }

    /// Whether every weight is a number.
    #[must_use]
    pub fn is_finite(&self) -> bool {
        self.input
            .iter()
            .chain(&self.output)
            .all(|lane| lane.0.iter().all(|x| x.is_finite()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn starts_by_item_and_survives_its_bytes() -> Result<(), TrainerError> {
        let (small, large) = (Model::new(5, 10, 3), Model::new(9, 10, 3));
        assert_eq!(small.vector(4), large.vector(4));
        assert_ne!(small.vector(4), small.vector(3));
        assert!(small.vector(4).iter().all(|x| x.abs() <= 0.05));
        assert_eq!([small.vector(0), small.vector(1)], [[0.0; 10]; 2]);
        let again = Model::from_bytes(5, 10, &small.input_bytes(), &small.output_bytes())?;
        assert_eq!(again, small);
        assert!(Model::from_bytes(5, 11, &small.input_bytes(), &small.output_bytes()).is_err());
        Ok(())
    }
}
