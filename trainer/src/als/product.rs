//! Products of matrices, by the `gemm` crate.

use gemm::Parallelism;

/// A matrix somewhere among floats.
#[derive(Debug, Clone, Copy)]
pub struct Matrix<'a> {
    data: &'a [f32],
    rows: usize,
    columns: usize,
    row_stride: usize,
    column_stride: usize,
}

impl<'a> Matrix<'a> {
    /// Row after row, `stride` floats apart.
    pub fn by_rows(data: &'a [f32], rows: usize, columns: usize, stride: usize) -> Self {
        Self {
            data,
            rows,
            columns,
            row_stride: stride,
            column_stride: 1,
        }
    }

    /// Rows and columns in each other's place.
    pub fn transposed(self) -> Self {
        Self {
            rows: self.columns,
            columns: self.rows,
            row_stride: self.column_stride,
            column_stride: self.row_stride,
            ..self
        }
    }

    fn reach(&self) -> usize {
        let (rows, columns) = (self.rows.max(1) - 1, self.columns.max(1) - 1);
        rows * self.row_stride + columns * self.column_stride + 1
    }
}

/// `out` (row after row, `stride` floats apart) becomes `keep · out + by · left · right`.
pub fn product(
    out: &mut [f32],
    stride: usize,
    keep: f32,
    left: Matrix<'_>,
    right: Matrix<'_>,
    by: f32,
) {
    let (rows, columns, inner) = (left.rows, right.columns, left.columns);
    if rows == 0 || columns == 0 {
        return;
    }
    assert_eq!(inner, right.rows, "matrices that do not fit");
    let fits = |of: &Matrix<'_>| of.rows == 0 || of.columns == 0 || of.reach() <= of.data.len();
    assert!(
        fits(&left) && fits(&right),
        "a matrix reaches beyond its floats"
    );
    assert!(
        (rows - 1) * stride + columns <= out.len(),
        "no room for the product"
    );
    // SAFETY: the three matrices lie inside their slices, as was just checked, and `out` is
    // borrowed alone.
    unsafe {
        gemm::gemm(
            rows,
            columns,
            inner,
            out.as_mut_ptr(),
            1,
            stride as isize,
            keep != 0.0,
            left.data.as_ptr(),
            left.column_stride as isize,
            left.row_stride as isize,
            right.data.as_ptr(),
            right.column_stride as isize,
            right.row_stride as isize,
            keep,
            by,
            false,
            false,
            false,
            Parallelism::None,
        );
    }
}
