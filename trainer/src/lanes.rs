//! Sixteen floats at a time, with the same bytes on every processor.
//!
//! Owns the aligned [`Lane`] and its operations on AVX-512, AVX2 and plain Rust; `Shared` are those
//! for rows that other threads write at the same time. Multiplication
//! and addition stay two operations: a fused one would round once instead of twice, and models
//! would differ between processors. A lane's sum is one fixed tree, so that all three agree to the
//! last bit (a test holds them to it).

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::{
    __m256, __m512, _CMP_EQ_OQ, _MM_HINT_T0, _mm_add_ps, _mm_add_ss, _mm_cvtss_f32, _mm_min_ps,
    _mm_min_ss, _mm_movehl_ps, _mm_prefetch, _mm_shuffle_ps, _mm256_add_ps, _mm256_castpd_ps,
    _mm256_castps256_ps128, _mm256_cmp_ps, _mm256_extractf128_ps, _mm256_load_ps, _mm256_max_ps,
    _mm256_min_ps, _mm256_movemask_ps, _mm256_mul_ps, _mm256_set1_ps, _mm256_store_ps,
    _mm512_add_ps, _mm512_castps_pd, _mm512_castps512_ps256, _mm512_cmp_ps_mask,
    _mm512_extractf64x4_pd, _mm512_load_ps, _mm512_max_ps, _mm512_min_ps, _mm512_mul_ps,
    _mm512_set1_ps, _mm512_store_ps,
};

use pannier_proto::feed::KeyedRng;

mod shared;

pub(crate) use shared::Routine;

/// Floats of a lane.
pub(crate) const WIDTH: usize = 16;

/// Sixteen floats on a cache line of their own. A row of a matrix is a whole number of them; what
/// the last one has too many stays zero.
#[derive(Debug, Clone, Copy, PartialEq)]
#[repr(C, align(64))]
pub struct Lane(pub [f32; WIDTH]);

impl Lane {
    /// Sixteen zeros.
    pub const ZERO: Self = Self([0.0; WIDTH]);
}

/// Lanes as the floats they are.
pub(crate) fn floats(lanes: &[Lane]) -> &[f32] {
    // SAFETY: a `Lane` is sixteen floats and nothing else (`repr(C)`, 64 bytes, aligned to 64).
    unsafe { std::slice::from_raw_parts(lanes.as_ptr().cast(), lanes.len() * WIDTH) }
}

/// As [`floats`], to be written.
pub(crate) fn floats_mut(lanes: &mut [Lane]) -> &mut [f32] {
    // SAFETY: as above; the lanes are borrowed for as long.
    unsafe { std::slice::from_raw_parts_mut(lanes.as_mut_ptr().cast(), lanes.len() * WIDTH) }
}

/// Fills a row of `dim` floats with numbers uniform in ±0.5/dim, as word2vec.c begins.
pub(crate) fn draw(row: &mut [Lane], dim: usize, seed: u64) {
    let mut rng = KeyedRng::new(seed);
    for x in row.iter_mut().flat_map(|lane| &mut lane.0).take(dim) {
        // 24 bits are what a float in 0..1 holds evenly.
        *x = ((rng.next_u64() >> 40) as f32 / (1u32 << 24) as f32 - 0.5) / dim as f32;
    }
}

/// What a kernel needs of a set of instructions.
///
/// # Safety
/// Every function may be called only where the processor has the instructions of the type, and
/// pointers must be to lanes that may be read (for `store`: written).
pub(crate) trait Simd: Copy {
    unsafe fn splat(x: f32) -> Self;
    unsafe fn load(at: *const Lane) -> Self;
    unsafe fn store(self, at: *mut Lane);
    unsafe fn add(self, other: Self) -> Self;
    unsafe fn mul(self, other: Self) -> Self;
    /// self · factor + term: two operations, but for the sets that need not agree.
    #[inline(always)]
    unsafe fn mul_add(self, factor: Self, term: Self) -> Self {
        // SAFETY: the caller's.
        unsafe { term.add(self.mul(factor)) }
    }
    /// Lane `i` and `i + 8`, then `i` and `i + 4`, `i + 2`, `i + 1`.
    unsafe fn sum(self) -> f32;
    /// The smaller of each two; neither may be NaN.
    unsafe fn min(self, other: Self) -> Self;
    /// The larger of each two; neither may be NaN.
    unsafe fn max(self, other: Self) -> Self;
    /// The smallest of the sixteen.
    unsafe fn smallest(self) -> f32;
    /// A bit for each of the sixteen that equals the other's.
    unsafe fn equal(self, other: Self) -> u16;
    /// Asks for a lane that will be needed soon.
    unsafe fn prefetch(at: *const Lane);
}

/// Plain Rust: any processor.
impl Simd for Lane {
    #[inline(always)]
    unsafe fn splat(x: f32) -> Self {
        Self([x; WIDTH])
    }
    #[inline(always)]
    unsafe fn load(at: *const Lane) -> Self {
        // SAFETY: the caller's pointer is readable.
        unsafe { *at }
    }
    #[inline(always)]
    unsafe fn store(self, at: *mut Lane) {
        // SAFETY: the caller's pointer is writable.
        unsafe { *at = self }
    }
    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        Self(std::array::from_fn(|i| self.0[i] + other.0[i]))
    }
    #[inline(always)]
    unsafe fn mul(self, other: Self) -> Self {
        Self(std::array::from_fn(|i| self.0[i] * other.0[i]))
    }
    #[inline(always)]
    unsafe fn sum(self) -> f32 {
        let a: [f32; 8] = std::array::from_fn(|i| self.0[i] + self.0[i + 8]);
        let b: [f32; 4] = std::array::from_fn(|i| a[i] + a[i + 4]);
        (b[0] + b[2]) + (b[1] + b[3])
    }
    #[inline(always)]
    unsafe fn min(self, other: Self) -> Self {
        Self(std::array::from_fn(|i| self.0[i].min(other.0[i])))
    }
    #[inline(always)]
    unsafe fn max(self, other: Self) -> Self {
        Self(std::array::from_fn(|i| self.0[i].max(other.0[i])))
    }
    #[inline(always)]
    unsafe fn smallest(self) -> f32 {
        self.0.iter().fold(f32::INFINITY, |least, x| least.min(*x))
    }
    #[inline(always)]
    unsafe fn equal(self, other: Self) -> u16 {
        let bits = (0..WIDTH).map(|i| u16::from(self.0[i] == other.0[i]) << i);
        bits.fold(0, |all, bit| all | bit)
    }
    #[inline(always)]
    unsafe fn prefetch(_at: *const Lane) {}
}

/// AVX2: two halves.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy)]
pub(crate) struct Avx2(__m256, __m256);

/// AVX-512F.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy)]
pub(crate) struct Avx512(__m512);

// SAFETY of the blocks below: the trait's contract gives the instructions and the pointers; a
// `Lane` is aligned to 64 bytes.
#[cfg(target_arch = "x86_64")]
impl Simd for Avx2 {
    #[inline(always)]
    unsafe fn splat(x: f32) -> Self {
        unsafe { Self(_mm256_set1_ps(x), _mm256_set1_ps(x)) }
    }
    #[inline(always)]
    unsafe fn load(at: *const Lane) -> Self {
        unsafe {
            Self(
                _mm256_load_ps(at.cast()),
                _mm256_load_ps(at.cast::<f32>().add(8)),
            )
        }
    }
    #[inline(always)]
    unsafe fn store(self, at: *mut Lane) {
        unsafe {
            _mm256_store_ps(at.cast(), self.0);
            _mm256_store_ps(at.cast::<f32>().add(8), self.1);
        }
    }
    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        unsafe {
            Self(
                _mm256_add_ps(self.0, other.0),
                _mm256_add_ps(self.1, other.1),
            )
        }
    }
    #[inline(always)]
    unsafe fn mul(self, other: Self) -> Self {
        unsafe {
            Self(
                _mm256_mul_ps(self.0, other.0),
                _mm256_mul_ps(self.1, other.1),
            )
        }
    }
    #[inline(always)]
    unsafe fn sum(self) -> f32 {
        unsafe { sum_of_8(_mm256_add_ps(self.0, self.1)) }
    }
    #[inline(always)]
    unsafe fn min(self, other: Self) -> Self {
        unsafe {
            Self(
                _mm256_min_ps(self.0, other.0),
                _mm256_min_ps(self.1, other.1),
            )
        }
    }
    #[inline(always)]
    unsafe fn max(self, other: Self) -> Self {
        unsafe {
            Self(
                _mm256_max_ps(self.0, other.0),
                _mm256_max_ps(self.1, other.1),
            )
        }
    }
    #[inline(always)]
    unsafe fn smallest(self) -> f32 {
        unsafe { smallest_of_8(_mm256_min_ps(self.0, self.1)) }
    }
    #[inline(always)]
    unsafe fn equal(self, other: Self) -> u16 {
        unsafe {
            let lower = _mm256_movemask_ps(_mm256_cmp_ps::<_CMP_EQ_OQ>(self.0, other.0));
            let upper = _mm256_movemask_ps(_mm256_cmp_ps::<_CMP_EQ_OQ>(self.1, other.1));
            (lower | upper << 8) as u16
        }
    }
    #[inline(always)]
    unsafe fn prefetch(at: *const Lane) {
        unsafe { _mm_prefetch::<_MM_HINT_T0>(at.cast()) }
    }
}

#[cfg(target_arch = "x86_64")]
impl Simd for Avx512 {
    #[inline(always)]
    unsafe fn splat(x: f32) -> Self {
        unsafe { Self(_mm512_set1_ps(x)) }
    }
    #[inline(always)]
    unsafe fn load(at: *const Lane) -> Self {
        unsafe { Self(_mm512_load_ps(at.cast())) }
    }
    #[inline(always)]
    unsafe fn store(self, at: *mut Lane) {
        unsafe { _mm512_store_ps(at.cast(), self.0) }
    }
    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        unsafe { Self(_mm512_add_ps(self.0, other.0)) }
    }
    #[inline(always)]
    unsafe fn mul(self, other: Self) -> Self {
        unsafe { Self(_mm512_mul_ps(self.0, other.0)) }
    }
    #[inline(always)]
    unsafe fn sum(self) -> f32 {
        unsafe {
            let upper = _mm256_castpd_ps(_mm512_extractf64x4_pd::<1>(_mm512_castps_pd(self.0)));
            sum_of_8(_mm256_add_ps(_mm512_castps512_ps256(self.0), upper))
        }
    }
    #[inline(always)]
    unsafe fn min(self, other: Self) -> Self {
        unsafe { Self(_mm512_min_ps(self.0, other.0)) }
    }
    #[inline(always)]
    unsafe fn max(self, other: Self) -> Self {
        unsafe { Self(_mm512_max_ps(self.0, other.0)) }
    }
    #[inline(always)]
    unsafe fn smallest(self) -> f32 {
        unsafe {
            let upper = _mm256_castpd_ps(_mm512_extractf64x4_pd::<1>(_mm512_castps_pd(self.0)));
            smallest_of_8(_mm256_min_ps(_mm512_castps512_ps256(self.0), upper))
        }
    }
    #[inline(always)]
    unsafe fn equal(self, other: Self) -> u16 {
        unsafe { _mm512_cmp_ps_mask::<_CMP_EQ_OQ>(self.0, other.0) }
    }
    #[inline(always)]
    unsafe fn prefetch(at: *const Lane) {
        unsafe { _mm_prefetch::<_MM_HINT_T0>(at.cast()) }
    }
}

/// The end of the sum's tree.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn sum_of_8(a: __m256) -> f32 {
    unsafe {
        let b = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps::<1>(a));
        let c = _mm_add_ps(b, _mm_movehl_ps(b, b));
        _mm_cvtss_f32(_mm_add_ss(c, _mm_shuffle_ps::<1>(c, c)))
    }
}

/// The smallest of eight.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn smallest_of_8(a: __m256) -> f32 {
    unsafe {
        let b = _mm_min_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps::<1>(a));
        let c = _mm_min_ps(b, _mm_movehl_ps(b, b));
        _mm_cvtss_f32(_mm_min_ss(c, _mm_shuffle_ps::<1>(c, c)))
    }
}

/// A set of instructions that this processor has. Which one is used changes the speed and no bit
/// of the result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Instructions(pub(crate) Set);

/// The sets that there are code paths for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Set {
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Instructions {
    /// All that this processor has, best last.
    #[must_use]
    pub fn available() -> Vec<Self> {
        let mut sets = vec![Self(Set::Portable)];
        #[cfg(target_arch = "x86_64")]
        {
            if std::arch::is_x86_feature_detected!("avx2") {
                sets.push(Self(Set::Avx2));
            }
            if std::arch::is_x86_feature_detected!("avx512f") {
                sets.push(Self(Set::Avx512));
            }
        }
        sets
    }

    /// The best that this processor has.
    #[must_use]
    pub fn best() -> Self {
        Self::available()
            .last()
            .copied()
            .unwrap_or(Self(Set::Portable))
    }
}
