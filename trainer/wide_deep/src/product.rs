//! Products of small matrices whose rows are padded to whole vectors.

use crate::simd::{Task, Vector, WIDTH, run};

/// Numbers that lie in a slice: `numbers[row · stride + column · step]`.
#[derive(Clone, Copy)]
pub(crate) struct Left<'a> {
    pub numbers: &'a [f32],
    pub row: usize,
    pub column: usize,
}

/// Row after row, `stride` apart.
#[derive(Clone, Copy)]
pub(crate) struct Right<'a> {
    pub numbers: &'a [f32],
    pub stride: usize,
}

/// What the sums begin with.
#[derive(Clone, Copy)]
pub(crate) enum Begin<'a> {
    Zero,
    /// What is there already.
    There,
    /// The same row of numbers for every row.
    Row(&'a [f32]),
}

/// Rows and columns of the product, and how many products a sum has; columns are whole vectors.
#[derive(Clone, Copy)]
pub(crate) struct Extent {
    pub rows: usize,
    pub columns: usize,
    pub depth: usize,
}

/// out[row · stride + column] = begin + Σ left(row, k) · right(k, column), in order of k.
pub(crate) fn product(
    (out, stride): (&mut [f32], usize),
    left: Left<'_>,
    right: Right<'_>,
    extent: Extent,
    begin: Begin<'_>,
) {
    let Extent {
        rows,
        columns,
        depth,
    } = extent;
    if rows == 0 || columns == 0 {
        return;
    }
    assert!(columns.is_multiple_of(WIDTH) && out.len() >= (rows - 1) * stride + columns);
    if depth > 0 {
        let last = (rows - 1) * left.row + (depth - 1) * left.column;
        assert!(left.numbers.len() > last);
        assert!(right.numbers.len() >= (depth - 1) * right.stride + columns);
    }
    if let Begin::Row(numbers) = begin {
        assert!(numbers.len() >= columns);
    }
    run(Product {
        out: out.as_mut_ptr(),
        stride,
        left,
        right,
        extent,
        begin,
    });
}

struct Product<'a> {
    out: *mut f32,
    stride: usize,
    left: Left<'a>,
    right: Right<'a>,
    extent: Extent,
    begin: Begin<'a>,
}

impl Product<'_> {
    /// `M` rows and `N` vectors of columns.
    ///
    /// # Safety
    /// Lengths are those that [`product`] checked; the processor has the instructions of `V`.
    #[inline(always)]
    unsafe fn tile<V: Vector, const M: usize, const N: usize>(&self, row: usize, column: usize) {
        // SAFETY: the caller's.
        unsafe {
            let out = self.out.add(row * self.stride + column);
            let mut sums = [[V::splat(0.0); N]; M];
            match self.begin {
                Begin::Zero => {}
                Begin::There => {
                    for (m, sums) in sums.iter_mut().enumerate() {
                        for (n, sum) in sums.iter_mut().enumerate() {
                            *sum = V::load(out.add(m * self.stride + n * WIDTH));
                        }
                    }
                }
                Begin::Row(numbers) => {
                    for sums in &mut sums {
                        for (n, sum) in sums.iter_mut().enumerate() {
                            *sum = V::load(numbers.as_ptr().add(column + n * WIDTH));
                        }
                    }
                }
            }
            let left = self.left.numbers.as_ptr().add(row * self.left.row);
            let right = self.right.numbers.as_ptr().add(column);
            for k in 0..self.extent.depth {
                let mut of = [V::splat(0.0); N];
                for (n, of) in of.iter_mut().enumerate() {
                    *of = V::load(right.add(k * self.right.stride + n * WIDTH));
                }
                for (m, sums) in sums.iter_mut().enumerate() {
                    let by = V::splat(*left.add(m * self.left.row + k * self.left.column));
                    for (sum, of) in sums.iter_mut().zip(of) {
                        *sum = by.fma(of, *sum);
                    }
                }
            }
            for (m, sums) in sums.iter().enumerate() {
                for (n, sum) in sums.iter().enumerate() {
                    sum.store(out.add(m * self.stride + n * WIDTH));
                }
            }
        }
    }

    /// `N` vectors of columns over all rows.
    ///
    /// # Safety
    /// As [`Self::tile`].
    #[inline(always)]
    unsafe fn panel<V: Vector, const M: usize, const N: usize>(&self, column: usize) {
        let rows = self.extent.rows;
        let whole = rows / M * M;
        // SAFETY: the caller's.
        unsafe {
            for row in (0..whole).step_by(M) {
                self.tile::<V, M, N>(row, column);
            }
            for row in whole..rows {
                self.tile::<V, 1, N>(row, column);
            }
        }
    }
}

impl Task for Product<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let vectors = self.extent.columns / WIDTH;
        let twos = vectors / 2;
        // SAFETY: lengths were checked by `product`; instructions are the caller's.
        unsafe {
            for pair in 0..twos {
                if V::MANY {
                    self.panel::<V, 8, 2>(pair * 2 * WIDTH);
                } else {
                    self.panel::<V, 2, 2>(pair * 2 * WIDTH);
                }
            }
            if vectors % 2 == 1 {
                if V::MANY {
                    self.panel::<V, 16, 1>(twos * 2 * WIDTH);
                } else {
                    self.panel::<V, 4, 1>(twos * 2 * WIDTH);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::{available, run_with};
    use pannier_proto::feed::KeyedRng;

    fn some(len: usize, seed: u64) -> Vec<f32> {
        let mut rng = KeyedRng::new(seed);
        (0..len)
            .map(|_| (rng.next_u64() >> 40) as f32 / (1u32 << 23) as f32 - 1.0)
            .collect()
    }

    #[test]
    fn every_set_gives_the_sums() {
        for (rows, columns, depth, turned) in
            [(1, 16, 3, false), (37, 48, 20, false), (19, 80, 33, true)]
        {
            let (a, b) = (some(rows * depth, 1), some(depth * columns, 2));
            let (row, column) = if turned { (1, rows) } else { (depth, 1) };
            let (bias, before) = (some(columns, 3), some(rows * columns, 4));
            for begin in [Begin::Zero, Begin::There, Begin::Row(&bias)] {
                for set in available() {
                    let mut out = before.clone();
                    let left = Left {
                        numbers: &a,
                        row,
                        column,
                    };
                    let right = Right {
                        numbers: &b,
                        stride: columns,
                    };
                    let extent = Extent {
                        rows,
                        columns,
                        depth,
                    };
                    run_with(
                        set,
                        Product {
                            out: out.as_mut_ptr(),
                            stride: columns,
                            left,
                            right,
                            extent,
                            begin,
                        },
                    );
                    for (at, out) in out.iter().enumerate() {
                        let (r, c) = (at / columns, at % columns);
                        let mut sum = match begin {
                            Begin::Zero => 0.0,
                            Begin::There => before[at],
                            Begin::Row(row) => row[c],
                        };
                        for k in 0..depth {
                            sum = a[r * row + k * column].mul_add(b[k * columns + c], sum);
                        }
                        assert_eq!(*out, sum, "{set:?} {r} {c}");
                    }
                }
            }
        }
    }
}
