//! One row, some factors at a time (Rendle, Krichene, Zhang and Koren 2021, "iALS++: Speeding up
//! Matrix Factorization with Subspace Optimization").
//!
//! A block of factors is set to its best while the others stand still: a step of Newton, whose
//! system is of the block's size. What entries are predicted is kept up to date, so a round over
//! all blocks costs entries · factors · block where the exact solution costs entries · factors².
//! In the basis that all rows share, blocks meet in the entries alone: there the Gramian is I and
//! has no part between blocks, which the paper's gradients have to carry.

use super::cholesky::{factorize, solve};
use super::product::{Matrix, product};
use super::row::{Row, Scratch};
use crate::lanes::{Lane, floats_mut};

impl Row<'_> {
    /// A round over all blocks of `size` factors, from the x that is there; false where floats cannot
    /// tell a block's solution.
    pub fn blocks(&self, size: usize, x: &mut [Lane], scratch: &mut Scratch) -> bool {
        let (n, dim) = (self.columns.len(), self.z.dim());
        let Scratch {
            vectors,
            system,
            right,
            ..
        } = scratch;
        self.gather(vectors, right);
        let x = &mut floats_mut(x)[..dim];
        // What each entry misses of its target, times √w: c/√w - Vx, V's rows being √w z.
        let v = Matrix::by_rows(vectors, n, dim, dim);
        let vector = Matrix::by_rows(x, dim, 1, 1);
        product(right, 1, 1.0, v, vector, -1.0);
        (0..dim).step_by(size.max(1)).all(|from| {
            step(
                vectors,
                dim,
                from,
                (from + size.max(1)).min(dim),
                x,
                right,
                system,
            )
        })
    }
}

/// Factors `from..to` at their best: (I + VᵀV) δ = Vᵀ r - x, with V those factors of all entries.
fn step(
    vectors: &[f32],
    dim: usize,
    from: usize,
    to: usize,
    x: &mut [f32],
    missing: &mut [f32],
    system: &mut Vec<f32>,
) -> bool {
    let (n, size) = (missing.len(), to - from);
    let v = Matrix::by_rows(&vectors[from..], n, size, dim);
    system.clear();
    system.resize(size * size + size, 0.0);
    let (system, change) = system.split_at_mut(size * size);
    for i in 0..size {
        system[i * size + i] = 1.0;
        change[i] = -x[from + i];
    }
    product(system, size, 1.0, v.transposed(), v, 1.0);
    product(change, size, 1.0, Matrix::by_rows(missing, 1, n, n), v, 1.0);
    if !factorize(system, size, size) {
        return false;
    }
    solve(system, size, size, change);
    x[from..to]
        .iter_mut()
        .zip(&*change)
        .for_each(|(x, d)| *x += d);
    product(
        missing,
        1,
        1.0,
        v,
        Matrix::by_rows(change, size, 1, 1),
        -1.0,
    );
    true
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::UNWATCHED;
    use super::super::tests::made;
    use super::super::{Als, Factors, Feedback, Solver};
    use super::*;
    use crate::lanes::floats;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(60))]

        /// Where a block is at its best, the gradient of (x² + Σ w (z·x - c/w)²) / 2 has no part in it.
        #[test]
        fn a_step_takes_the_gradient_from_its_block_alone(dim in 1usize..40, n in 1usize..60, at in 0usize..40, size in 1usize..40, seed: u64) {
            let (from, to) = (at % dim, (at % dim + size).min(dim));
            let mut z = Factors::random(n, dim, seed);
            z.values.iter_mut().flat_map(|lane| &mut lane.0).for_each(|x| *x *= dim as f32);
            let mut x = Factors::random(1, dim, seed ^ 1);
            let (weights, targets): (Vec<f32>, Vec<f32>) = (0..n).map(|i| (1.0 + i as f32 % 5.0, 2.0 + i as f32 % 3.0)).unzip();
            let columns: Vec<u32> = (0..n as u32).rev().collect();
            let row = Row { z: &z, columns: &columns, weights: &weights, targets: &targets };
            let (mut vectors, mut missing) = (Vec::new(), Vec::new());
            row.gather(&mut vectors, &mut missing);
            let gathered = Matrix::by_rows(&vectors, n, dim, dim);
            product(&mut missing, 1, 1.0, gathered, Matrix::by_rows(x.row(0), dim, 1, 1), -1.0);
            let before = x.row(0).to_vec();
            let own = &mut floats_mut(&mut x.values)[..dim];
            prop_assert!(step(&vectors, dim, from, to, own, &mut missing, &mut Vec::new()));
            let x = x.row(0);
            prop_assert_eq!(&x[..from], &before[..from]);
            prop_assert_eq!(&x[to..], &before[to..]);
            let mut gradient: Vec<f64> = x.iter().map(|x| f64::from(*x)).collect();
            for (e, column) in columns.iter().enumerate() {
                let z: Vec<f64> = z.row(*column as usize).iter().map(|z| f64::from(*z)).collect();
                let dot: f64 = z.iter().zip(x).map(|(z, x)| z * f64::from(*x)).sum();
                let error = f64::from(weights[e]) * dot - f64::from(targets[e]);
                gradient.iter_mut().zip(&z).for_each(|(g, z)| *g += error * z);
                // What is kept of the entry is what it misses now.
                let missed = -error / f64::from(weights[e]).sqrt();
                prop_assert!((missed - f64::from(missing[e])).abs() < 1e-3, "{missed} {}", missing[e]);
            }
            for g in &gradient[from..to] {
                prop_assert!(g.abs() < 2e-3 * n as f64, "{gradient:?}");
            }
        }
    }

    #[test]
    fn rounds_over_blocks_end_at_the_exact_solution() {
        let entries = made(30, 80, 3, 4);
        for feedback in [Feedback::Implicit { alpha: 5.0 }, Feedback::Explicit] {
            let of = |solver| Als {
                feedback,
                regularization: 0.1,
                solver,
            };
            let mut y = Factors::random(80, 21, 1);
            y.values
                .iter_mut()
                .flat_map(|lane| &mut lane.0)
                .for_each(|x| *x *= 21.0);
            let (mut exact, mut blocks) = (Factors::random(30, 21, 2), Factors::random(30, 21, 3));
            of(Solver::Cholesky)
                .solve(&entries, &y, &mut exact, UNWATCHED)
                .unwrap();
            for _ in 0..200 {
                of(Solver::Blocks { size: 8 })
                    .solve(&entries, &y, &mut blocks, UNWATCHED)
                    .unwrap();
            }
            let pairs = floats(&exact.values).iter().zip(floats(&blocks.values));
            let worst = pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(worst < 2e-3, "{feedback:?}: {worst}");
        }
    }
}
