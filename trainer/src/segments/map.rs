//! A flat map of vectors: their two principal components.

use super::points::Points;
use crate::als::gramian;

/// Sweeps of rotations at most; ten are enough for any matrix seen so far.
const SWEEPS: usize = 50;
/// What is off the diagonal, against what is on it, when rotations stop.
const SMALL: f64 = 1e-26;

/// Places of vectors on a map.
#[derive(Debug, Clone, PartialEq)]
pub struct Map {
    /// Two coordinates of each vector, in the vectors' unit; the mean of all lies at 0, 0.
    pub places: Vec<[f32; 2]>,
    /// The directions of both coordinates, f64 [2, dim], of length 1; the largest number of each is positive.
    pub axes: [Vec<f64>; 2],
    /// Shares of the variance that the coordinates hold, 0..=1.
    pub explained: [f64; 2],
}

/// Principal component analysis (Hotelling 1933) to two components; a second coordinate of vectors
/// of one number is 0. On the pool of the calling thread; the map does not depend on its threads.
#[must_use]
pub fn map(points: &Points) -> Map {
    let dim = points.dim();
    let (values, vectors) = eigen(gramian(&points.vectors), dim);
    let mut order: Vec<usize> = (0..dim).collect();
    order.sort_by(|a, b| values[*b].total_cmp(&values[*a]).then(a.cmp(b)));
    let total: f64 = values.iter().sum();
    let share = |at: usize| match order.get(at) {
        Some(of) if total > 0.0 => values[*of].max(0.0) / total,
        _ => 0.0,
    };
    let axis = |at: usize| -> Vec<f64> {
        let Some(of) = order.get(at) else {
            return vec![0.0; dim];
        };
        let axis: Vec<f64> = (0..dim).map(|i| vectors[of * dim + i]).collect();
        let largest = axis.iter().fold(
            0.0f64,
            |most, x| if x.abs() > most.abs() { *x } else { most },
        );
        axis.iter().map(|x| x * largest.signum()).collect()
    };
    let axes = [axis(0), axis(1)];
    let place = |row: usize| {
        let along = |axis: &[f64]| -> f64 {
            let x = points.vectors.row(row).iter();
            x.zip(axis).map(|(x, a)| f64::from(*x) * a).sum()
        };
        [along(&axes[0]) as f32, along(&axes[1]) as f32]
    };
    Map {
        places: (0..points.rows()).map(place).collect(),
        explained: [share(0), share(1)],
        axes,
    }
}

/// Eigenvalues of a symmetric matrix [n, n] and its eigenvectors, row after row, by rotations
/// (Jacobi 1846; Golub and Van Loan, "Matrix Computations", 8.5).
fn eigen(mut a: Vec<f64>, n: usize) -> (Vec<f64>, Vec<f64>) {
    let mut vectors = vec![0.0; n * n];
    (0..n).for_each(|i| vectors[i * n + i] = 1.0);
    for _ in 0..SWEEPS {
        let (mut on, mut off) = (0.0, 0.0);
        for (at, x) in a.iter().enumerate() {
            let of = if at % (n + 1) == 0 { &mut on } else { &mut off };
            *of += x * x;
        }
        if off <= SMALL * on {
            break;
        }
        for p in 0..n {
            for q in p + 1..n {
                rotate(&mut a, &mut vectors, n, p, q);
            }
        }
    }
    ((0..n).map(|i| a[i * n + i]).collect(), vectors)
}

/// Makes a[p, q] zero.
fn rotate(a: &mut [f64], vectors: &mut [f64], n: usize, p: usize, q: usize) {
    let off = a[p * n + q];
    if off == 0.0 {
        return;
    }
    let theta = (a[q * n + q] - a[p * n + p]) / (2.0 * off);
    let t = theta.signum() / (theta.abs() + (theta * theta + 1.0).sqrt());
    let c = 1.0 / (t * t + 1.0).sqrt();
    let s = t * c;
    for i in 0..n {
        let (x, y) = (a[i * n + p], a[i * n + q]);
        (a[i * n + p], a[i * n + q]) = (c * x - s * y, s * x + c * y);
    }
    for matrix in [a, vectors] {
        let (head, tail) = matrix.split_at_mut(q * n);
        for (x, y) in head[p * n..][..n].iter_mut().zip(&mut tail[..n]) {
            (*x, *y) = (c * *x - s * *y, s * *x + c * *y);
        }
    }
}
