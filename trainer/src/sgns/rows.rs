//! Arithmetic on one vector and several rows, in loops of fixed length: all of a block's sums stay
//! in registers, and a lane of the vector is loaded once for the block.
//!
//! Loops are plain and without closures: a closure has none of the set's instructions, so what it
//! calls is not inlined into it.

use crate::lanes::{Lane, Simd};

/// Rows of a block: with AVX2 their sums just fill the registers.
const BLOCK: usize = 6;

/// Calls a block's function with the number of its rows as a constant.
macro_rules! by_length {
    ($length:expr, $function:ident, $set:ident, $($argument:expr),*) => {
        match $length {
            1 => $function::<$set, 1>($($argument),*),
            2 => $function::<$set, 2>($($argument),*),
            3 => $function::<$set, 3>($($argument),*),
            4 => $function::<$set, 4>($($argument),*),
            5 => $function::<$set, 5>($($argument),*),
            _ => $function::<$set, BLOCK>($($argument),*),
        }
    };
}

/// `out[t] = x · rows[t]`, each summed in the order of the lanes; as many as are in both.
///
/// # Safety
/// `x` and all rows are of `lanes` lanes; the set's as of [`Simd`].
#[inline(always)]
pub(crate) unsafe fn dots<S: Simd>(
    x: *const Lane,
    rows: &[*mut Lane],
    lanes: usize,
    out: &mut [f32],
) {
    let (n, mut at) = (rows.len().min(out.len()), 0);
    while at < n {
        // SAFETY: passed on; a block ends before `n`.
        unsafe {
            let (rows, out) = (rows.as_ptr().add(at), out.as_mut_ptr().add(at));
            by_length!(n - at, dots_of, S, x, rows, lanes, out);
        }
        at += BLOCK;
    }
}

#[inline(always)]
unsafe fn dots_of<S: Simd, const N: usize>(
    x: *const Lane,
    rows: *const *mut Lane,
    lanes: usize,
    out: *mut f32,
) {
    // SAFETY: the caller's.
    unsafe {
        let rows: [*mut Lane; N] = *rows.cast();
        let mut sums = [S::splat(0.0); N];
        for i in 0..lanes {
            let u = S::load(x.add(i));
            for t in 0..N {
                sums[t] = u.mul_add(S::load(rows[t].add(i)), sums[t]);
            }
        }
        #[allow(clippy::needless_range_loop)] // An iterator would put the sums into memory.
        for t in 0..N {
            *out.add(t) = sums[t].sum();
        }
    }
}

/// `gradient += Σ into[t] · rows[t]` and `rows[t] += out[t] · x`, row after row: one that stands
/// there twice is read the second time as the first has left it. As many as are in all three.
///
/// # Safety
/// As of [`dots`]; `gradient` is of `lanes` lanes and none of the rows.
#[inline(always)]
pub(crate) unsafe fn exchange<S: Simd>(
    x: *const Lane,
    rows: &[*mut Lane],
    lanes: usize,
    (into, out): (&[f32], &[f32]),
    gradient: *mut Lane,
) {
    let (n, mut at) = (rows.len().min(into.len()).min(out.len()), 0);
    while at < n {
        // SAFETY: passed on; a block ends before `n`.
        unsafe {
            let steps = (into.as_ptr().add(at), out.as_ptr().add(at));
            let rows = rows.as_ptr().add(at);
            by_length!(n - at, exchange_of, S, x, rows, lanes, steps, gradient);
        }
        at += BLOCK;
    }
}

#[inline(always)]
unsafe fn exchange_of<S: Simd, const N: usize>(
    x: *const Lane,
    rows: *const *mut Lane,
    lanes: usize,
    steps: (*const f32, *const f32),
    gradient: *mut Lane,
) {
    // SAFETY: the caller's.
    unsafe {
        let rows: [*mut Lane; N] = *rows.cast();
        let zero = S::splat(0.0);
        let (mut into, mut out) = ([zero; N], [zero; N]);
        for t in 0..N {
            into[t] = S::splat(*steps.0.add(t));
            out[t] = S::splat(*steps.1.add(t));
        }
        for i in 0..lanes {
            let u = S::load(x.add(i));
            let mut sum = S::load(gradient.add(i));
            for t in 0..N {
                let v = S::load(rows[t].add(i));
                sum = into[t].mul_add(v, sum);
                out[t].mul_add(u, v).store(rows[t].add(i));
            }
            sum.store(gradient.add(i));
        }
    }
}

/// `gradient += Σ into[t] · rows[t]`, of the rows `lanes` lanes behind the first `before`; as many as
/// are in both.
///
/// # Safety
/// As of [`exchange`].
#[inline(always)]
pub(crate) unsafe fn combine<S: Simd>(
    rows: &[*mut Lane],
    (before, lanes): (usize, usize),
    into: &[f32],
    gradient: *mut Lane,
) {
    for t in 0..rows.len().min(into.len()) {
        // SAFETY: the caller's.
        unsafe { add::<S>(gradient, into[t], rows[t].add(before), lanes) }
    }
}

/// `row += scale · x`.
///
/// # Safety
/// As of [`dots`].
#[inline(always)]
pub(crate) unsafe fn add<S: Simd>(row: *mut Lane, scale: f32, x: *const Lane, lanes: usize) {
    // SAFETY: the caller's.
    unsafe {
        let scale = S::splat(scale);
        for i in 0..lanes {
            scale
                .mul_add(S::load(x.add(i)), S::load(row.add(i)))
                .store(row.add(i));
        }
    }
}

/// `to = scale · Σ rows`; `rows` is not empty.
///
/// # Safety
/// As of [`dots`].
#[inline(always)]
pub(crate) unsafe fn mean<S: Simd>(rows: &[*mut Lane], scale: f32, to: *mut Lane, lanes: usize) {
    let Some((first, rows)) = rows.split_first() else {
        return;
    };
    // SAFETY: the caller's.
    unsafe {
        let scale = S::splat(scale);
        for i in 0..lanes {
            let mut sum = S::load(first.add(i));
            for row in rows {
                sum = sum.add(S::load(row.add(i)));
            }
            sum.mul(scale).store(to.add(i));
        }
    }
}

/// `to = row`.
///
/// # Safety
/// As of [`dots`].
#[inline(always)]
pub(crate) unsafe fn copy<S: Simd>(row: *const Lane, to: *mut Lane, lanes: usize) {
    // SAFETY: the caller's.
    unsafe {
        for i in 0..lanes {
            S::load(row.add(i)).store(to.add(i));
        }
    }
}

/// Asks for a row that will be needed soon.
///
/// # Safety
/// As of [`dots`].
#[inline(always)]
pub(crate) unsafe fn prefetch<S: Simd>(row: *const Lane, lanes: usize) {
    // SAFETY: the caller's.
    unsafe {
        for i in 0..lanes {
            S::prefetch(row.add(i));
        }
    }
}
