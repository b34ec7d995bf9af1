//! Many dot products at once, for ranking.

#[cfg(target_arch = "x86_64")]
use crate::lanes::{Avx2, Avx512};
use crate::lanes::{Instructions, Lane, Set, Simd};

/// Dot products of a vector with the rows of a matrix: `out[i] = vector · rows[i]`. A row has as
/// many lanes as the vector; rows beyond `out` are left out.
pub(crate) fn dots(instructions: Instructions, vector: &[Lane], rows: &[Lane], out: &mut [f32]) {
    // SAFETY: `Instructions` are only made where the processor has them.
    unsafe {
        match instructions.0 {
            Set::Portable => all::<Lane>(vector, rows, out),
            #[cfg(target_arch = "x86_64")]
            Set::Avx2 => all_avx2(vector, rows, out),
            #[cfg(target_arch = "x86_64")]
            Set::Avx512 => all_avx512(vector, rows, out),
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
unsafe fn all_avx2(vector: &[Lane], rows: &[Lane], out: &mut [f32]) {
    // SAFETY: AVX2 is enabled here.
    unsafe { all::<Avx2>(vector, rows, out) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
unsafe fn all_avx512(vector: &[Lane], rows: &[Lane], out: &mut [f32]) {
    // SAFETY: AVX-512F is enabled here.
    unsafe { all::<Avx512>(vector, rows, out) }
}

#[inline(always)]
unsafe fn all<S: Simd>(vector: &[Lane], rows: &[Lane], out: &mut [f32]) {
    for (row, out) in rows.chunks_exact(vector.len().max(1)).zip(out) {
        // SAFETY: the caller's for the instructions; the pointers come from references.
        unsafe {
            let mut sum = S::splat(0.0);
            for (a, b) in vector.iter().zip(row) {
                sum = sum.add(S::load(a).mul(S::load(b)));
            }
            *out = sum.sum();
        }
    }
}
