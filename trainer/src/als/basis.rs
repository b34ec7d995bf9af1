//! The basis that all rows of a side are solved in: of B = YᵀY + λI = LLᵀ.

use rayon::iter::{IndexedParallelIterator, IntoParallelIterator, ParallelIterator};
use rayon::slice::{ParallelSlice, ParallelSliceMut};

use super::factors::Factors;
use super::product::{Matrix, product};
use crate::error::TrainerError;
use crate::lanes::{Lane, WIDTH, floats, floats_mut};

/// Rows of a block that one thread multiplies.
const BLOCK: usize = 1024;
/// Parts of a Gramian at most: their sum has one order, whoever makes them.
const PARTS: usize = 64;

/// YᵀY in f64 [dim, dim], row after row. Blocks are summed in f32, their sums in f64.
pub fn gramian(of: &Factors) -> Vec<f64> {
    let (dim, stride) = (of.dim(), of.lanes * WIDTH);
    let rows = of.rows().div_ceil(PARTS).max(BLOCK);
    let parts = (0..of.rows().div_ceil(rows)).into_par_iter().map(|part| {
        let from = part * rows;
        let count = rows.min(of.rows() - from);
        let y = Matrix::by_rows(&floats(&of.values)[from * stride..], count, dim, stride);
        let mut sum = vec![0.0; dim * dim];
        product(&mut sum, dim, 0.0, y.transposed(), y, 1.0);
        sum
    });
    let mut all = vec![0.0; dim * dim];
    for part in parts.collect::<Vec<_>>() {
        all.iter_mut()
            .zip(part)
            .for_each(|(all, x)| *all += f64::from(x));
    }
    all
}

/// L and its inverse, f32 [dim, dim] with zeros above the diagonal.
pub struct Basis {
    dim: usize,
    lower: Vec<f32>,
    inverse: Vec<f32>,
}

impl Basis {
    /// Of a Gramian and λ.
    ///
    /// # Errors
    /// [`TrainerError::Data`] where B is not positive definite: λ is 0 and factors are dependent, or
    /// they are no numbers any more.
    pub fn new(gramian: &[f64], dim: usize, lambda: f64) -> Result<Self, TrainerError> {
        let mut l = gramian.to_vec();
        for i in 0..dim {
            l[i * dim + i] += lambda;
        }
        for column in 0..dim {
            for row in column..dim {
                let products = (0..column).map(|k| l[row * dim + k] * l[column * dim + k]);
                let left = l[row * dim + column] - products.sum::<f64>();
                l[row * dim + column] = if row > column {
                    left / l[column * dim + column]
                } else if left > 0.0 {
                    left.sqrt()
                } else {
                    let reason = "factors are not independent; raise `regularization`";
                    return Err(TrainerError::data("factors", reason));
                };
            }
            l[column * dim + column + 1..(column + 1) * dim].fill(0.0);
        }
        let mut inverse = vec![0.0; dim * dim];
        for column in 0..dim {
            for row in column..dim {
                let unit = if row == column { 1.0 } else { 0.0 };
                let products = (column..row).map(|k| l[row * dim + k] * inverse[k * dim + column]);
                let left = unit - products.sum::<f64>();
                inverse[row * dim + column] = left / l[row * dim + row];
            }
        }
        let narrow = |of: Vec<f64>| of.into_iter().map(|x| x as f32).collect();
        Ok(Self {
            dim,
            lower: narrow(l),
            inverse: narrow(inverse),
        })
    }

    fn square<'a>(&self, of: &'a [f32]) -> Matrix<'a> {
        Matrix::by_rows(of, self.dim, self.dim, self.dim)
    }

    /// z = L⁻¹y of every row.
    pub fn inside(&self, fixed: &Factors) -> Factors {
        let mut z = Factors::zero(fixed.rows(), fixed.dim());
        let by = self.square(&self.inverse).transposed();
        let (lanes, dim) = (fixed.lanes, self.dim);
        let blocks = z.values.par_chunks_mut(BLOCK * lanes);
        blocks
            .zip(fixed.values.par_chunks(BLOCK * lanes))
            .for_each(|(out, rows)| multiply(rows, by, out, lanes, dim));
        z
    }

    /// x' = Lᵀx of every row.
    pub fn enter(&self, solved: &mut Factors) {
        self.replace(solved, self.square(&self.lower));
    }

    /// x = L⁻ᵀx' of every row.
    pub fn leave(&self, solved: &mut Factors) {
        self.replace(solved, self.square(&self.inverse));
    }

    fn replace(&self, rows: &mut Factors, by: Matrix<'_>) {
        let (lanes, dim) = (rows.lanes, self.dim);
        rows.values.par_chunks_mut(BLOCK * lanes).for_each_init(
            Vec::new,
            |copy: &mut Vec<Lane>, block| {
                copy.clear();
                copy.extend_from_slice(block);
                multiply(copy, by, block, lanes, dim);
            },
        );
    }
}

/// Rows times a matrix.
fn multiply(rows: &[Lane], by: Matrix<'_>, out: &mut [Lane], lanes: usize, dim: usize) {
    let (count, stride) = (rows.len() / lanes, lanes * WIDTH);
    let rows = Matrix::by_rows(floats(rows), count, dim, stride);
    product(floats_mut(out), stride, 0.0, rows, by, 1.0);
}
