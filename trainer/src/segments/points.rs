//! The vectors that are grouped, made ready once for all that is done with them.

use rayon::iter::{IndexedParallelIterator, IntoParallelIterator, ParallelIterator};
use rayon::slice::ParallelSliceMut;

use super::panels::square;
use crate::als::Factors;
use crate::error::TrainerError;
use crate::lanes::{Lane, WIDTH, floats};

/// Rows of a part at least, and parts at most: sums go part by part, whoever makes them.
const PART_ROWS: usize = 1024;
const PARTS: usize = 64;

/// Vectors f32 [rows, dim] less their mean, which takes the rounding out of distances between
/// vectors that are far from zero and near to each other.
#[derive(Debug, Clone, PartialEq)]
pub struct Points {
    pub(super) vectors: Factors,
    /// |x|² of each, less the mean.
    pub(super) squares: Vec<f32>,
    mean: Vec<f32>,
}

impl Points {
    /// A copy of the vectors; where `unit`, scaled to length 1 first, so that only their directions
    /// count (spherical k-means; a vector of zeros stays one).
    ///
    /// # Errors
    /// [`TrainerError::Data`] where there are none, or a number is not finite.
    pub fn new(of: &Factors, unit: bool) -> Result<Self, TrainerError> {
        if of.rows() == 0 || of.dim() == 0 {
            return Err(TrainerError::data("vectors", "there are none"));
        }
        if u32::try_from(of.rows()).is_err() {
            return Err(TrainerError::data("vectors", "more than 2^32 of them"));
        }
        let mut vectors = of.clone();
        let (lanes, dim) = (of.lanes, of.dim());
        let finite = vectors.values.par_chunks_mut(lanes).map(|row| {
            let length = square(&floats(row)[..dim]).sqrt();
            if unit && length > 0.0 {
                let x = row.iter_mut().flat_map(|lane| &mut lane.0);
                x.for_each(|x| *x = (f64::from(*x) / length) as f32);
            }
            length.is_finite()
        });
        if !finite.reduce(|| true, |a, b| a && b) {
            return Err(TrainerError::data("vectors", "a number is not finite"));
        }
        let mean = mean(&vectors);
        let mut shift = vec![Lane::ZERO; lanes];
        for (i, mean) in mean.iter().enumerate() {
            shift[i / WIDTH].0[i % WIDTH] = *mean;
        }
        vectors.values.par_chunks_mut(lanes).for_each(|row| {
            for (lane, shift) in row.iter_mut().zip(&shift) {
                lane.0.iter_mut().zip(shift.0).for_each(|(x, m)| *x -= m);
            }
        });
        let squares = (0..vectors.rows())
            .into_par_iter()
            .map(|row| square(vectors.row(row)) as f32)
            .collect();
        Ok(Self {
            vectors,
            squares,
            mean,
        })
    }

    /// Some of the rows, less the mean of all.
    #[must_use]
    pub fn only(&self, rows: &[u32]) -> Self {
        let mut vectors = Factors::zero(rows.len(), self.dim());
        for (at, row) in rows.iter().enumerate() {
            let from = self.vectors.row(*row as usize);
            vectors.row_mut(at).copy_from_slice(from);
        }
        Self {
            vectors,
            squares: rows.iter().map(|row| self.squares[*row as usize]).collect(),
            mean: self.mean.clone(),
        }
    }

    /// Vectors.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.vectors.rows()
    }

    /// Numbers of a vector.
    #[must_use]
    pub fn dim(&self) -> usize {
        self.vectors.dim()
    }

    /// Vectors of ours, with the mean that was taken off.
    pub(super) fn given(&self, inner: &Factors) -> Factors {
        let mut given = inner.clone();
        for row in 0..given.rows() {
            let own = given.row_mut(row).iter_mut();
            own.zip(&self.mean).for_each(|(x, m)| *x += m);
        }
        given
    }

    /// Vectors as they were given, less the mean.
    pub(super) fn inner(&self, given: &Factors) -> Factors {
        let mut inner = given.clone();
        for row in 0..inner.rows() {
            let own = inner.row_mut(row).iter_mut();
            own.zip(&self.mean).for_each(|(x, m)| *x -= m);
        }
        inner
    }

    /// Where each part begins, and how many rows it has.
    pub(super) fn parts(&self) -> impl IndexedParallelIterator<Item = (usize, usize)> {
        parts(self.rows())
    }
}

fn parts(rows: usize) -> impl IndexedParallelIterator<Item = (usize, usize)> {
    let size = rows.div_ceil(PARTS).max(PART_ROWS);
    let parts = (0..rows.div_ceil(size)).into_par_iter();
    parts.map(move |part| (part * size, size.min(rows - part * size)))
}

fn mean(of: &Factors) -> Vec<f32> {
    let sums: Vec<Vec<f64>> = parts(of.rows())
        .map(|(from, count)| {
            let mut sum = vec![0.0; of.dim()];
            for row in from..from + count {
                let add = sum.iter_mut().zip(of.row(row));
                add.for_each(|(sum, x)| *sum += f64::from(*x));
            }
            sum
        })
        .collect();
    let of_dim = |i: usize| sums.iter().map(|sum| sum[i]).sum::<f64>();
    (0..of.dim())
        .map(|i| (of_dim(i) / of.rows() as f64) as f32)
        .collect()
}
