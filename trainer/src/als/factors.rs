//! A vector of each row.

use pannier_proto::feed::mix;

use crate::lanes::{Lane, WIDTH, draw, floats, floats_mut};

/// A matrix f32 [rows, dim]; a row is a whole number of lanes, what is too many stays zero.
#[derive(Debug, Clone, PartialEq)]
pub struct Factors {
    rows: usize,
    dim: usize,
    pub(crate) lanes: usize,
    pub(crate) values: Vec<Lane>,
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
            let lanes = &mut factors.values[row * factors.lanes..][..factors.lanes];
            draw(
                lanes,
                dim,
                mix(seed ^ mix(row as u64 ^ 0x616C_735F_6661_6374)),
            );
        }
        factors
    }

    /// Some rows, in this order.
    #[must_use]
    pub fn picked(&self, rows: &[usize]) -> Self {
        let mut picked = Self::zero(rows.len(), self.dim);
        for (to, from) in picked.values.chunks_exact_mut(self.lanes.max(1)).zip(rows) {
            to.copy_from_slice(&self.values[from * self.lanes..][..self.lanes]);
        }
        picked
    }

    /// Whether all are numbers.
    #[must_use]
    pub fn is_finite(&self) -> bool {
        floats(&self.values).iter().all(|x| x.is_finite())
    }

    /// Of length 1 and nowhere below 0, as Spark begins: ratings, which are above 0 as well, are near
    /// their end in fewer iterations than from [`Factors::random`]. A row depends on (seed, row) alone.
    #[must_use]
    pub fn positive(rows: usize, dim: usize, seed: u64) -> Self {
        let mut factors = Self::random(rows, dim, seed);
        for row in 0..rows {
            let row = factors.row_mut(row);
            let length = row.iter().map(|x| x * x).sum::<f32>().sqrt();
            if length > 0.0 {
                row.iter_mut().for_each(|x| *x = x.abs() / length);
            }
        }
        factors
    }

    /// From rows one after another, `values` being [rows, dim].
    #[must_use]
    pub fn from_rows(values: &[f32], dim: usize) -> Self {
        let rows = values.len() / dim.max(1);
        let mut factors = Self::zero(rows, dim);
        for (row, from) in values.chunks_exact(dim.max(1)).enumerate() {
            factors.row_mut(row).copy_from_slice(from);
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

    /// As [`Factors::row`], to be written.
    #[must_use]
    pub fn row_mut(&mut self, row: usize) -> &mut [f32] {
        &mut floats_mut(&mut self.values[row * self.lanes..][..self.lanes])[..self.dim]
    }
}
