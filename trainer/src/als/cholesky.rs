//! Systems with a symmetric positive definite matrix: A = LLᵀ (Golub and Van Loan, "Matrix
//! Computations", 4.2), in blocks whose products are matrix products.

use super::product::{Matrix, product};

/// Columns of a block.
const BLOCK: usize = 32;

/// L in the place of A: the lower half of f32 [n, n], row after row, `stride` apart. What is above
/// is left as it is. False where A is not positive definite as far as floats can tell.
pub fn factorize(a: &mut [f32], n: usize, stride: usize) -> bool {
    for from in (0..n).step_by(BLOCK) {
        let to = n.min(from + BLOCK);
        if !diagonal(a, from, to, stride) {
            return false;
        }
        if to == n {
            break;
        }
        below(a, from, to, n, stride);
        let (rows, width) = (n - to, to - from);
        let panel = copied(&a[to * stride..], rows, from, to, stride);
        for first in (0..rows).step_by(BLOCK) {
            let last = rows.min(first + BLOCK);
            let left = Matrix::by_rows(&panel[first * width..], last - first, width, width);
            let right = Matrix::by_rows(&panel, last, width, width).transposed();
            let out = &mut a[(to + first) * stride + to..];
            product(out, stride, 1.0, left, right, -1.0);
        }
    }
    true
}

/// Columns `from..to` of some rows.
fn copied(a: &[f32], rows: usize, from: usize, to: usize, stride: usize) -> Vec<f32> {
    let rows = (0..rows).flat_map(|row| &a[row * stride + from..row * stride + to]);
    rows.copied().collect()
}

/// The block on the diagonal, number by number.
fn diagonal(a: &mut [f32], from: usize, to: usize, stride: usize) -> bool {
    for column in from..to {
        for row in column..to {
            let mut sum = a[row * stride + column];
            for k in from..column {
                sum -= a[row * stride + k] * a[column * stride + k];
            }
            if row > column {
                a[row * stride + column] = sum / a[column * stride + column];
            } else if sum > 0.0 {
                a[row * stride + column] = sum.sqrt();
            } else {
                return false;
            }
        }
    }
    true
}

/// The rows below it.
fn below(a: &mut [f32], from: usize, to: usize, n: usize, stride: usize) {
    let (head, tail) = a.split_at_mut(to * stride);
    for row in tail.chunks_mut(stride).take(n - to) {
        for column in from..to {
            let mut sum = row[column];
            let done = &head[column * stride..][..column];
            for k in from..column {
                sum -= row[k] * done[k];
            }
            row[column] = sum / head[column * stride + column];
        }
    }
}

/// Solves LLᵀx = b in b's place.
pub fn solve(l: &[f32], n: usize, stride: usize, b: &mut [f32]) {
    for row in 0..n {
        let of = &l[row * stride..][..=row];
        let sum: f32 = of[..row].iter().zip(&*b).map(|(l, x)| l * x).sum();
        b[row] = (b[row] - sum) / of[row];
    }
    for row in (0..n).rev() {
        let of = &l[row * stride..][..=row];
        let x = b[row] / of[row];
        b[row] = x;
        for (b, l) in b[..row].iter_mut().zip(of) {
            *b -= l * x;
        }
    }
}
