//! Baskets as the means of their items' vectors, and the gradients of the vectors that were looked up.
//!
//! A basket is a list of rows of a table; PAD and UNK are none of its items, and an empty basket is
//! zeros. Gradients come for the rows that some basket has, each once.

use rayon::iter::{IndexedParallelIterator, ParallelIterator};
use rayon::slice::ParallelSliceMut;

use super::simd::{Task, Vector, WIDTH, run};

/// Baskets, or rows of a table, of a task.
const BLOCK: usize = 64;

/// The items of baskets, and the baskets of items.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Baskets {
    /// By basket: where its items begin; then the number of all.
    pub starts: Vec<u32>,
    /// Items, each once in a basket.
    pub items: Vec<u32>,
    /// Items that some basket has, ascending.
    pub rows: Vec<u32>,
    /// By entry of `rows`: where its baskets begin; then the number of all.
    row_starts: Vec<u32>,
    /// Baskets, ascending for each row.
    baskets: Vec<u32>,
}

impl Baskets {
    /// Of baskets one after another.
    #[must_use]
    pub fn new<'a>(baskets: impl Iterator<Item = &'a [u32]>) -> Self {
        let (mut starts, mut items) = (vec![0], Vec::new());
        for basket in baskets {
            items.extend_from_slice(basket);
            starts.push(items.len() as u32);
        }
        // Item, then where it stands: ascending by both.
        let mut all: Vec<u64> = (0u64..)
            .zip(&items)
            .map(|(at, item)| u64::from(*item) << 32 | at)
            .collect();
        all.sort_unstable();
        let mut of = vec![0u32; items.len()];
        for (basket, bounds) in starts.windows(2).enumerate() {
            of[bounds[0] as usize..bounds[1] as usize].fill(basket as u32);
        }
        let (mut rows, mut row_starts) = (Vec::new(), Vec::new());
        let mut baskets = Vec::with_capacity(items.len());
        for (place, entry) in all.iter().enumerate() {
            let (item, at) = ((entry >> 32) as u32, (entry & u64::from(u32::MAX)) as usize);
            if rows.last() != Some(&item) {
                rows.push(item);
                row_starts.push(place as u32);
            }
            baskets.push(of[at]);
        }
        row_starts.push(items.len() as u32);
        Self {
            starts,
            items,
            rows,
            row_starts,
            baskets,
        }
    }

    /// Baskets there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.starts.len() - 1
    }

    /// By basket: the factor of each of its items.
    fn shares(&self) -> Vec<f32> {
        let of = |bounds: &[u32]| 1.0 / (bounds[1] - bounds[0]).max(1) as f32;
        self.starts.windows(2).map(of).collect()
    }
}

/// Which factors the numbers of a basket's vector get: those of its sequence.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Dropout<'a> {
    /// [sequences, dim].
    pub factors: &'a [f32],
    /// By basket.
    pub sequences: &'a [u32],
}

impl Dropout<'_> {
    fn of(&self, basket: usize, dim: usize) -> &[f32] {
        &self.factors[self.sequences[basket] as usize * dim..][..dim]
    }
}

/// Means of vectors, [baskets, dim]. `vectors`: [table's rows, dim].
pub(crate) fn forward(
    vectors: &[f32],
    dim: usize,
    baskets: &Baskets,
    dropout: Option<Dropout<'_>>,
) -> Vec<f32> {
    let shares = baskets.shares();
    let mut out = vec![0.0; baskets.count() * dim];
    let each = |(block, out): (usize, &mut [f32])| {
        for (at, out) in out.chunks_exact_mut(dim).enumerate() {
            let basket = block * BLOCK + at;
            let bounds = baskets.starts[basket] as usize..baskets.starts[basket + 1] as usize;
            run(Sum {
                table: vectors,
                rows: &baskets.items[bounds],
                share: shares[basket],
                shares: &[],
                out: &mut *out,
            });
            if let Some(dropout) = &dropout {
                let factors = dropout.of(basket, dim);
                out.iter_mut()
                    .zip(factors)
                    .for_each(|(x, factor)| *x *= factor);
            }
        }
    };
    out.par_chunks_mut((BLOCK * dim).max(1))
        .enumerate()
        .for_each(each);
    out
}

/// Gradients of the rows that baskets have, [`baskets.rows`, dim], of those of the means.
pub(crate) fn backward(
    means: &[f32],
    dim: usize,
    baskets: &Baskets,
    dropout: Option<Dropout<'_>>,
) -> Vec<f32> {
    let shares = baskets.shares();
    let dropped = dropout.map(|dropout| {
        let mut dropped = means.to_vec();
        let rows = dropped.par_chunks_exact_mut(dim.max(1)).enumerate();
        rows.for_each(|(basket, row)| {
            let factors = dropout.of(basket, dim);
            row.iter_mut()
                .zip(factors)
                .for_each(|(x, factor)| *x *= factor);
        });
        dropped
    });
    let means = dropped.as_deref().unwrap_or(means);
    let mut out = vec![0.0; baskets.rows.len() * dim];
    let each = |(block, out): (usize, &mut [f32])| {
        for (at, out) in out.chunks_exact_mut(dim).enumerate() {
            let row = block * BLOCK + at;
            let starts = &baskets.row_starts[row..row + 2];
            run(Sum {
                table: means,
                rows: &baskets.baskets[starts[0] as usize..starts[1] as usize],
                share: 1.0,
                shares: &shares,
                out,
            });
        }
    };
    out.par_chunks_mut((BLOCK * dim).max(1))
        .enumerate()
        .for_each(each);
    out
}

/// Σ share · row over rows of a table; the share of a row from `shares`, where there are any.
struct Sum<'a> {
    table: &'a [f32],
    rows: &'a [u32],
    share: f32,
    shares: &'a [f32],
    out: &'a mut [f32],
}

impl Task for Sum<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let dim = self.out.len();
        let share = |row: u32| match self.shares {
            [] => self.share,
            shares => shares[row as usize],
        };
        let mut lane = 0;
        while lane + WIDTH <= dim {
            // SAFETY: slices of sixteen; the caller's for the instructions.
            unsafe {
                let mut sum = V::splat(0.0);
                for row in self.rows {
                    let x = &self.table[*row as usize * dim + lane..][..WIDTH];
                    sum = V::load(x.as_ptr()).fma(V::splat(share(*row)), sum);
                }
                sum.store(self.out[lane..lane + WIDTH].as_mut_ptr());
            }
            lane += WIDTH;
        }
        for lane in lane..dim {
            let mut sum = 0.0f32;
            for row in self.rows {
                sum = self.table[*row as usize * dim + lane].mul_add(share(*row), sum);
            }
            self.out[lane] = sum;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::some;
    use super::*;

    #[test]
    fn means_and_gradients_equal_the_sums() {
        let (dim, items) = (21, 9);
        let lists: Vec<Vec<u32>> = vec![vec![2, 5, 8], vec![], vec![5], vec![8, 2, 3, 4]];
        let baskets = Baskets::new(lists.iter().map(Vec::as_slice));
        assert_eq!(baskets.rows, [2, 3, 4, 5, 8]);
        let (vectors, factors) = (some(items * dim, 1), some(2 * dim, 2));
        let sequences = [1, 0, 1, 0];
        let dropout = Dropout {
            factors: &factors,
            sequences: &sequences,
        };
        let means = forward(&vectors, dim, &baskets, Some(dropout));
        let slopes = some(means.len(), 3);
        let gradients = backward(&slopes, dim, &baskets, Some(dropout));
        for (basket, list) in lists.iter().enumerate() {
            for d in 0..dim {
                let sum: f32 = list.iter().map(|i| vectors[*i as usize * dim + d]).sum();
                let mean =
                    sum / list.len().max(1) as f32 * factors[sequences[basket] as usize * dim + d];
                assert!((means[basket * dim + d] - mean).abs() < 1e-6);
            }
        }
        for (place, row) in baskets.rows.iter().enumerate() {
            for d in 0..dim {
                let of = |(basket, list): (usize, &Vec<u32>)| {
                    let factor =
                        factors[sequences[basket] as usize * dim + d] / list.len().max(1) as f32;
                    if list.contains(row) {
                        slopes[basket * dim + d] * factor
                    } else {
                        0.0
                    }
                };
                let sum: f32 = lists.iter().enumerate().map(of).sum();
                assert!((gradients[place * dim + d] - sum).abs() < 1e-6);
            }
        }
        assert!(forward(&vectors, dim, &Baskets::new(std::iter::empty()), None).is_empty());
    }
}
