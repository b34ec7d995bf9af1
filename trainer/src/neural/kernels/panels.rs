//! Matrices in panels of 64 columns, as tiles read them, and memory that several threads write in
//! places of their own.

use super::tile::COLUMNS;

/// A matrix [inner, columns] as panels [inner, 64], zeros behind the last column.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Panels {
    data: Vec<f32>,
    inner: usize,
    columns: usize,
}

impl Panels {
    /// Of rows [inner, columns].
    pub(crate) fn new(rows: &[f32], inner: usize, columns: usize) -> Self {
        Self::filled(inner, columns, |first, width, out| {
            for (row, out) in out.chunks_exact_mut(COLUMNS).enumerate() {
                let from = row * columns + first;
                out[..width].copy_from_slice(&rows[from..from + width]);
            }
        })
    }

    /// Of the transposed of rows [columns, inner].
    pub(crate) fn transposed(rows: &[f32], inner: usize, columns: usize) -> Self {
        Self::filled(inner, columns, |first, width, out| {
            for column in 0..width {
                let from = (first + column) * inner;
                let column = out[column..].iter_mut().step_by(COLUMNS);
                for (out, x) in column.zip(&rows[from..from + inner]) {
                    *out = *x;
                }
            }
        })
    }

    /// Zeros, of which `fill` writes each panel [inner, 64]; it is told the panel's first column and how
    /// many it has.
    pub(crate) fn filled(
        inner: usize,
        columns: usize,
        fill: impl Fn(usize, usize, &mut [f32]),
    ) -> Self {
        let panels = columns.div_ceil(COLUMNS);
        let mut data = vec![0.0; panels * inner * COLUMNS];
        for (panel, rows) in data.chunks_exact_mut((inner * COLUMNS).max(1)).enumerate() {
            let first = panel * COLUMNS;
            fill(first, COLUMNS.min(columns - first), rows);
        }
        Self {
            data,
            inner,
            columns,
        }
    }

    /// Rows of a panel.
    pub(crate) fn inner(&self) -> usize {
        self.inner
    }

    /// Columns of the matrix.
    pub(crate) fn columns(&self) -> usize {
        self.columns
    }

    /// Panels there are.
    pub(crate) fn count(&self) -> usize {
        self.columns.div_ceil(COLUMNS)
    }

    /// A panel's first number.
    pub(crate) fn panel(&self, panel: usize) -> *const f32 {
        self.data[panel * self.inner * COLUMNS..].as_ptr()
    }
}

/// Floats that several tasks write, each in places of its own.
#[derive(Clone, Copy)]
pub(crate) struct Cells<'a> {
    first: *mut f32,
    len: usize,
    borrowed: std::marker::PhantomData<&'a mut [f32]>,
}

// SAFETY: every access is unsafe, and its caller answers for places of its own.
unsafe impl Send for Cells<'_> {}
// SAFETY: as above.
unsafe impl Sync for Cells<'_> {}

impl<'a> Cells<'a> {
    /// Borrows floats for as long.
    pub(crate) fn new(floats: &'a mut [f32]) -> Self {
        Self {
            first: floats.as_mut_ptr(),
            len: floats.len(),
            borrowed: std::marker::PhantomData,
        }
    }

    /// A place, with `count` floats behind it.
    #[inline(always)]
    pub(crate) fn at(self, place: usize, count: usize) -> *mut f32 {
        assert!(place + count <= self.len, "a place beyond the floats");
        // SAFETY: it is inside, as was just checked.
        unsafe { self.first.add(place) }
    }

    /// Some floats.
    ///
    /// # Safety
    /// No other task has one of them at the same time.
    #[inline(always)]
    pub(crate) unsafe fn slice(self, place: usize, count: usize) -> &'a mut [f32] {
        // SAFETY: inside, and the caller's alone.
        unsafe { std::slice::from_raw_parts_mut(self.at(place, count), count) }
    }
}
