//! The one inner loop of all products: six rows times 64 columns, kept in registers where there are
//! enough of them.
//!
//! A number of the result is one chain of fused multiply-adds over the inner dimension, whatever the
//! instructions and wherever tiles begin: products have the same bits on every processor and for
//! every number of threads.
//!
//! Kernels count with `while` and plain indices where it is hot: without link-time optimisation some
//! iterators and `array::map` stay calls (measured: seven times the time of a step).

use super::simd::{Vector, WIDTH};

/// Rows of a tile.
pub(crate) const ROWS: usize = 6;
/// Columns of a tile, and of a panel.
pub(crate) const COLUMNS: usize = 64;
const VECTORS: usize = COLUMNS / WIDTH;

/// Where a tile's sums are put.
#[repr(C, align(64))]
pub(crate) struct Tile(pub [[f32; COLUMNS]; ROWS]);

impl Tile {
    /// Zeros.
    pub(crate) const ZERO: Self = Self([[0.0; COLUMNS]; ROWS]);
}

/// A summand of a tile: six rows of one matrix times 64 columns of another.
#[derive(Clone, Copy)]
pub(crate) struct Part {
    /// The first number of each row.
    pub rows: [*const f32; ROWS],
    /// Floats between two numbers of a row.
    pub step: usize,
    /// Numbers of a row that follow each other so.
    pub inner: usize,
    /// How many such runs a row is made of.
    pub runs: usize,
    /// Floats from the beginning of a run to that of the next.
    pub run: usize,
    /// The first of the 64 columns.
    pub columns: *const f32,
    /// Floats between two rows of the columns.
    pub stride: usize,
}

/// The rows `first..first + count` of a matrix, the last one again where there are fewer than six.
///
/// # Safety
/// They lie in one allocation.
#[inline(always)]
pub(crate) unsafe fn rows(
    data: *const f32,
    stride: usize,
    first: usize,
    count: usize,
) -> [*const f32; ROWS] {
    let mut rows = [data; ROWS];
    for (row, at) in rows.iter_mut().enumerate() {
        let row = if row < count { row } else { count - 1 };
        // SAFETY: the caller's.
        *at = unsafe { data.add((first + row) * stride) };
    }
    rows
}

/// The sum of some parts.
///
/// # Safety
/// The processor has the instructions of `V`, and all that the parts name may be read.
#[inline(always)]
pub(crate) unsafe fn sum<V: Vector>(parts: &[Part], out: &mut Tile) {
    // SAFETY: the caller's.
    unsafe {
        if V::MANY {
            narrow::<V, VECTORS>(parts, 0, out);
        } else {
            for first in 0..VECTORS {
                narrow::<V, 1>(parts, first * WIDTH, out);
            }
        }
    }
}

#[inline(always)]
unsafe fn narrow<V: Vector, const N: usize>(parts: &[Part], first: usize, out: &mut Tile) {
    // SAFETY: the caller's; a tile has 64 columns.
    unsafe {
        let mut sums = [[V::splat(0.0); N]; ROWS];
        for part in parts {
            let mut rows = part.rows;
            let mut columns = part.columns.add(first);
            let mut run = 0;
            while run < part.runs {
                let (mut at, mut inner) = (0, 0);
                while inner < part.inner {
                    let mut right = [V::splat(0.0); N];
                    let mut i = 0;
                    while i < N {
                        right[i] = V::load(columns.add(i * WIDTH));
                        i += 1;
                    }
                    let mut row = 0;
                    while row < ROWS {
                        let left = V::splat(*rows[row].add(at));
                        let mut i = 0;
                        while i < N {
                            sums[row][i] = left.fma(right[i], sums[row][i]);
                            i += 1;
                        }
                        row += 1;
                    }
                    at += part.step;
                    columns = columns.add(part.stride);
                    inner += 1;
                }
                let mut row = 0;
                while row < ROWS {
                    rows[row] = rows[row].wrapping_add(part.run);
                    row += 1;
                }
                run += 1;
            }
        }
        let mut row = 0;
        while row < ROWS {
            let to = out.0[row].as_mut_ptr().add(first);
            let mut i = 0;
            while i < N {
                sums[row][i].store(to.add(i * WIDTH));
                i += 1;
            }
            row += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::some;
    use super::super::simd::{Task, available, run_with};
    use super::*;

    struct Of<'a>(&'a [f32], &'a [f32]);

    impl Task for Of<'_> {
        type Output = Vec<f32>;

        #[inline(always)]
        unsafe fn run<V: Vector>(self) -> Vec<f32> {
            let mut tile = Tile::ZERO;
            // SAFETY: both have all that is named; the caller's for the instructions.
            unsafe {
                let part = Part {
                    rows: rows(self.0.as_ptr(), 30, 1, 4),
                    step: 2,
                    inner: 5,
                    runs: 3,
                    run: 10,
                    columns: self.1.as_ptr(),
                    stride: COLUMNS,
                };
                sum::<V>(&[part, part], &mut tile);
            }
            tile.0.concat()
        }
    }

    #[test]
    fn every_processor_gives_the_same_bits() {
        let (left, right) = (some(150, 1), some(15 * COLUMNS, 2));
        let all: Vec<Vec<f32>> = available()
            .into_iter()
            .map(|set| run_with(set, Of(&left, &right)))
            .collect();
        assert!(all.iter().all(|one| *one == all[0]));
        for (at, sum) in all[0].iter().enumerate() {
            let (row, column) = (1 + (at / COLUMNS).min(3), at % COLUMNS);
            let term = |k: usize| left[row * 30 + k * 2] * right[k * COLUMNS + column];
            let expected: f32 = 2.0 * (0..15).map(term).sum::<f32>();
            assert!((sum - expected).abs() < 1e-5);
        }
    }
}
