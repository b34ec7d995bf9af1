//! Products of matrices from tiles: rows times panels, and the sum over rows of their outer products.
//! What becomes of a tile is the caller's.

use rayon::iter::{IntoParallelIterator, ParallelIterator};

use super::panels::Panels;
use super::simd::{Task, Vector, run};
use super::tile::{COLUMNS, Part, ROWS, Tile, rows, sum};

/// Rows of a task.
const TASK_ROWS: usize = 16 * ROWS;
/// Rows that outer products are summed over before the sum leaves the registers.
const INNER: usize = 256;

/// A matrix whose rows are made of runs: [rows, runs · inner].
#[derive(Clone, Copy)]
pub(crate) struct Rows<'a> {
    data: &'a [f32],
    count: usize,
    stride: usize,
    inner: usize,
    runs: usize,
    run: usize,
}

impl<'a> Rows<'a> {
    /// Rows one after another, all numbers of a row together.
    pub(crate) fn new(data: &'a [f32], inner: usize) -> Self {
        let count = data.len().checked_div(inner).unwrap_or(0);
        Self::within(data, count, inner, inner)
    }

    /// Rows that begin `stride` floats apart.
    pub(crate) fn within(data: &'a [f32], count: usize, stride: usize, inner: usize) -> Self {
        assert!(count == 0 || (count - 1) * stride + inner <= data.len());
        Self {
            data,
            count,
            stride,
            inner,
            runs: 1,
            run: 0,
        }
    }

    /// Rows whose numbers lie in panels [count, 64].
    pub(crate) fn in_panels(data: &'a [f32], count: usize) -> Self {
        Self {
            data,
            count,
            stride: COLUMNS,
            inner: COLUMNS,
            runs: data.len().checked_div(count * COLUMNS).unwrap_or(0),
            run: count * COLUMNS,
        }
    }

    #[inline(always)]
    fn part(&self, first: usize, count: usize, panels: &Panels, panel: usize) -> Part {
        debug_assert_eq!(self.inner * self.runs, panels.inner());
        Part {
            // SAFETY: `count` rows from `first` on are inside.
            rows: unsafe { rows(self.data.as_ptr(), self.stride, first, count) },
            step: 1,
            inner: self.inner,
            runs: self.runs,
            run: self.run,
            columns: panels.panel(panel),
            stride: COLUMNS,
        }
    }
}

/// What becomes of tiles.
pub(crate) trait Finish: Sync {
    /// Takes `count` rows from `row` on, of the 64 columns of a panel. Tiles come once each, from
    /// several threads.
    ///
    /// # Safety
    /// The processor has the instructions of `V`.
    unsafe fn tile<V: Vector>(&self, row: usize, count: usize, panel: usize, tile: &Tile);
}

/// Σ over factors of rows · panels. All factors have as many rows, and as many columns.
pub(crate) fn product<F: Finish, const N: usize>(factors: [(Rows<'_>, &Panels); N], finish: &F) {
    let count = factors[0].0.count;
    assert!(factors.iter().all(|(rows, panels)| {
        rows.count == count
            && rows.inner * rows.runs == panels.inner()
            && panels.columns() == factors[0].1.columns()
    }));
    let tasks = (0..count.div_ceil(TASK_ROWS)).into_par_iter();
    tasks.for_each(|task| {
        run(Times {
            factors: &factors,
            rows: task * TASK_ROWS..count.min((task + 1) * TASK_ROWS),
            finish,
        });
    });
}

struct Times<'a, F, const N: usize> {
    factors: &'a [(Rows<'a>, &'a Panels); N],
    rows: std::ops::Range<usize>,
    finish: &'a F,
}

impl<F: Finish, const N: usize> Task for Times<'_, F, N> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let mut tile = Tile::ZERO;
        for panel in 0..self.factors[0].1.count() {
            for first in self.rows.clone().step_by(ROWS) {
                let count = ROWS.min(self.rows.end - first);
                let (rows, panels) = &self.factors[0];
                let mut parts = [rows.part(first, count, panels, panel); N];
                let mut i = 1;
                while i < N {
                    let (rows, panels) = &self.factors[i];
                    parts[i] = rows.part(first, count, panels, panel);
                    i += 1;
                }
                // SAFETY: the parts lie in their slices; the caller's for the instructions.
                unsafe {
                    sum::<V>(&parts, &mut tile);
                    self.finish.tile::<V>(first, count, panel, &tile);
                }
            }
        }
    }
}

/// Leftᵀ · right for one panel of the right: [left's columns `from..to`] times 64, added up in `out`
/// [to - from, 64]. `right`: [count, 64], rows 64 floats apart.
#[derive(Clone, Copy)]
pub(crate) struct Outer<'a> {
    /// [count, …].
    pub left: &'a [f32],
    /// Floats between two rows of the left.
    pub stride: usize,
    /// Rows.
    pub count: usize,
    /// Which columns of the left.
    pub from: usize,
    /// Up to which.
    pub to: usize,
    /// [count, 64].
    pub right: &'a [f32],
}

impl Outer<'_> {
    /// The sum; `out` is overwritten.
    ///
    /// # Safety
    /// The processor has the instructions of `V`.
    #[inline(always)]
    pub(crate) unsafe fn sum<V: Vector>(&self, out: &mut [f32]) {
        let width = self.to - self.from;
        assert!(
            self.count == 0
                || (self.count - 1) * self.stride + self.to <= self.left.len()
                    && self.count * COLUMNS <= self.right.len()
        );
        assert!(width * COLUMNS <= out.len());
        out.fill(0.0);
        let mut tile = Tile::ZERO;
        for begin in (0..self.count).step_by(INNER) {
            let inner = INNER.min(self.count - begin);
            for first in (0..width).step_by(ROWS) {
                let count = ROWS.min(width - first);
                // SAFETY: inside, as checked above; the caller's for the instructions.
                unsafe {
                    let left = self.left.as_ptr().add(begin * self.stride + self.from);
                    let part = Part {
                        rows: rows(left, 1, first, count),
                        step: self.stride,
                        inner,
                        runs: 1,
                        run: 0,
                        columns: self.right.as_ptr().add(begin * COLUMNS),
                        stride: COLUMNS,
                    };
                    sum::<V>(&[part], &mut tile);
                    for (row, sums) in tile.0[..count].iter().enumerate() {
                        add::<V>(&mut out[(first + row) * COLUMNS..][..COLUMNS], sums);
                    }
                }
            }
        }
    }
}

/// out += by, 64 numbers.
///
/// # Safety
/// The processor has the instructions of `V`.
#[inline(always)]
pub(crate) unsafe fn add<V: Vector>(out: &mut [f32], by: &[f32; COLUMNS]) {
    assert!(out.len() >= COLUMNS);
    for at in (0..COLUMNS).step_by(super::simd::WIDTH) {
        // SAFETY: both have 64 numbers; the caller's for the instructions.
        unsafe {
            let sum = V::load(out.as_ptr().add(at)).add(V::load(by.as_ptr().add(at)));
            sum.store(out.as_mut_ptr().add(at));
        }
    }
}
