//! A vector of each row.

use pannier_proto::feed::{KeyedRng, mix};

use crate::lanes::{Lane, WIDTH, floats};

/// A matrix f32 [rows, dim]; a row is a whole number of lanes, what is too many stays zero.
#[derive(Debug, Clone, PartialEq)]
pub struct Factors {
    rows: usize,
    dim: usize,
    pub(super) lanes: usize,
    pub(super) values: Vec<Lane>,
}

impl Factors {
    /// Zeros.
    #[must_use]
    pub fn zero(rows: usize, dim: usize) -> Self {
        let lanes = dim.div_ceil(WIDTH);
        Self {
            rows,
            dim,
            lanes,
            values: vec![Lane::ZERO; rows * lanes],
        }
    }

    /// Uniform in ±0.5/dim; a row depends on (seed, row) alone.
    #[must_use]
    pub fn random(rows: usize, dim: usize, seed: u64) -> Self {
        let mut factors = Self::zero(rows, dim);
        for row in 0..rows {
            let mut rng = KeyedRng::new(mix(seed ^ mix(row as u64 ^ 0x616C_735F_6661_6374)));
            let lanes = &mut factors.values[row * factors.lanes..][..factors.lanes];
            for x in lanes.iter_mut().flat_map(|lane| &mut lane.0).take(dim) {
                // 24 bits are what a float in 0..1 holds evenly.
                *x = ((rng.next_u64() >> 40) as f32 / (1u32 << 24) as f32 - 0.5) / dim as f32;
            }
        }
        factors
    }

    /// Rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Factors of a row.
    #[must_use]
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// A row's vector.
    #[must_use]
    pub fn row(&self, row: usize) -> &[f32] {
        &floats(&self.values[row * self.lanes..][..self.lanes])[..self.dim]
    }
}
