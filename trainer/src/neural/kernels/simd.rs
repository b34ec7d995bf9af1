//! Sixteen floats at a time for the neural kernels: unaligned, with fused multiply-add, division and
//! roots.
//!
//! Every set of instructions gives the same bits: a fused multiply-add rounds once on all of them
//! (plain Rust asks libm where the processor has none), and division and roots are exact by IEEE 754.
//! Owns no threads: a task picks its set by [`run`] when it begins.

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::{
    __m256, __m512, _CMP_LT_OQ, _mm256_add_ps, _mm256_blendv_ps, _mm256_castps_si256,
    _mm256_castsi256_ps, _mm256_div_ps, _mm256_fmadd_ps, _mm256_loadu_ps, _mm256_max_ps,
    _mm256_min_ps, _mm256_mul_ps, _mm256_set1_ps, _mm256_slli_epi32, _mm256_sqrt_ps,
    _mm256_storeu_ps, _mm256_sub_ps, _mm512_add_ps, _mm512_castps_si512, _mm512_castsi512_ps,
    _mm512_cmp_ps_mask, _mm512_div_ps, _mm512_fmadd_ps, _mm512_loadu_ps, _mm512_mask_blend_ps,
    _mm512_max_ps, _mm512_min_ps, _mm512_mul_ps, _mm512_set1_ps, _mm512_setzero_ps,
    _mm512_slli_epi32, _mm512_sqrt_ps, _mm512_storeu_ps, _mm512_sub_ps,
};
use std::sync::OnceLock;

/// Floats of a vector.
pub(crate) const WIDTH: usize = 16;

/// What kernels need of a set of instructions.
///
/// # Safety
/// Every function may be called only where the processor has the instructions of the type; `load`
/// and `store` need sixteen floats that may be read, or written.
pub(crate) trait Vector: Copy {
    /// Whether a tile's 24 sums fit into registers.
    const MANY: bool;
    unsafe fn splat(x: f32) -> Self;
    unsafe fn load(at: *const f32) -> Self;
    unsafe fn store(self, at: *mut f32);
    unsafe fn add(self, other: Self) -> Self;
    unsafe fn sub(self, other: Self) -> Self;
    unsafe fn mul(self, other: Self) -> Self;
    unsafe fn div(self, other: Self) -> Self;
    /// self · by + plus, rounded once.
    unsafe fn fma(self, by: Self, plus: Self) -> Self;
    /// The smaller of each two; neither may be NaN.
    unsafe fn min(self, other: Self) -> Self;
    /// The larger of each two; neither may be NaN.
    unsafe fn max(self, other: Self) -> Self;
    unsafe fn sqrt(self) -> Self;
    /// Bits shifted up by a float's 23 bits of fraction.
    unsafe fn to_exponent(self) -> Self;
    /// `below` where self < 0, otherwise `above`.
    unsafe fn by_sign(self, below: Self, above: Self) -> Self;
    /// Lane `i` and `i + 8`, then `i` and `i + 4`, `i + 2`, `i + 1`.
    #[inline(always)]
    unsafe fn sum(self) -> f32 {
        let mut x = [0.0f32; WIDTH];
        // SAFETY: there is room for sixteen.
        unsafe { self.store(x.as_mut_ptr()) };
        let a: [f32; 8] = std::array::from_fn(|i| x[i] + x[i + 8]);
        let b: [f32; 4] = std::array::from_fn(|i| a[i] + a[i + 4]);
        (b[0] + b[2]) + (b[1] + b[3])
    }
}

/// Any processor.
#[derive(Clone, Copy)]
pub(crate) struct Plain([f32; WIDTH]);

impl Plain {
    #[inline(always)]
    fn with(self, other: Self, f: impl Fn(f32, f32) -> f32) -> Self {
        Self(std::array::from_fn(|i| f(self.0[i], other.0[i])))
    }
}

impl Vector for Plain {
    const MANY: bool = false;
    #[inline(always)]
    unsafe fn splat(x: f32) -> Self {
        Self([x; WIDTH])
    }
    #[inline(always)]
    unsafe fn load(at: *const f32) -> Self {
        // SAFETY: the caller's.
        Self(unsafe { at.cast::<[f32; WIDTH]>().read_unaligned() })
    }
    #[inline(always)]
    unsafe fn store(self, at: *mut f32) {
        // SAFETY: the caller's.
        unsafe { at.cast::<[f32; WIDTH]>().write_unaligned(self.0) }
    }
    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        self.with(other, |a, b| a + b)
    }
    #[inline(always)]
    unsafe fn sub(self, other: Self) -> Self {
        self.with(other, |a, b| a - b)
    }
    #[inline(always)]
    unsafe fn mul(self, other: Self) -> Self {
        self.with(other, |a, b| a * b)
    }
    #[inline(always)]
    unsafe fn div(self, other: Self) -> Self {
        self.with(other, |a, b| a / b)
    }
    #[inline(always)]
    unsafe fn fma(self, by: Self, plus: Self) -> Self {
        Self(std::array::from_fn(|i| {
            self.0[i].mul_add(by.0[i], plus.0[i])
        }))
    }
    #[inline(always)]
    unsafe fn min(self, other: Self) -> Self {
        self.with(other, |a, b| if a < b { a } else { b })
    }
    #[inline(always)]
    unsafe fn max(self, other: Self) -> Self {
        self.with(other, |a, b| if a > b { a } else { b })
    }
    #[inline(always)]
    unsafe fn sqrt(self) -> Self {
        Self(self.0.map(f32::sqrt))
    }
    #[inline(always)]
    unsafe fn to_exponent(self) -> Self {
        Self(self.0.map(|x| f32::from_bits(x.to_bits() << 23)))
    }
    #[inline(always)]
    unsafe fn by_sign(self, below: Self, above: Self) -> Self {
        Self(std::array::from_fn(|i| {
            if self.0[i] < 0.0 {
                below.0[i]
            } else {
                above.0[i]
            }
        }))
    }
}

/// AVX2 with FMA: two halves.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy)]
pub(crate) struct Avx2(__m256, __m256);

/// AVX-512F.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy)]
pub(crate) struct Avx512(__m512);

#[cfg(target_arch = "x86_64")]
macro_rules! both {
    ($op:ident, $($x:expr),+) => { Avx2($op($($x.0),+), $op($($x.1),+)) };
}

// SAFETY of the blocks below: the trait's contract gives the instructions and the pointers.
#[cfg(target_arch = "x86_64")]
impl Vector for Avx2 {
    const MANY: bool = false;
    #[inline(always)]
    unsafe fn splat(x: f32) -> Self {
        unsafe { Self(_mm256_set1_ps(x), _mm256_set1_ps(x)) }
    }
    #[inline(always)]
    unsafe fn load(at: *const f32) -> Self {
        unsafe { Self(_mm256_loadu_ps(at), _mm256_loadu_ps(at.add(8))) }
    }
    #[inline(always)]
    unsafe fn store(self, at: *mut f32) {
        unsafe {
            _mm256_storeu_ps(at, self.0);
            _mm256_storeu_ps(at.add(8), self.1);
        }
    }
    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        unsafe { both!(_mm256_add_ps, self, other) }
    }
    #[inline(always)]
    unsafe fn sub(self, other: Self) -> Self {
        unsafe { both!(_mm256_sub_ps, self, other) }
    }
    #[inline(always)]
    unsafe fn mul(self, other: Self) -> Self {
        unsafe { both!(_mm256_mul_ps, self, other) }
    }
    #[inline(always)]
    unsafe fn div(self, other: Self) -> Self {
        unsafe { both!(_mm256_div_ps, self, other) }
    }
    #[inline(always)]
    unsafe fn fma(self, by: Self, plus: Self) -> Self {
        unsafe { both!(_mm256_fmadd_ps, self, by, plus) }
    }
    #[inline(always)]
    unsafe fn min(self, other: Self) -> Self {
        unsafe { both!(_mm256_min_ps, self, other) }
    }
    #[inline(always)]
    unsafe fn max(self, other: Self) -> Self {
        unsafe { both!(_mm256_max_ps, self, other) }
    }
    #[inline(always)]
    unsafe fn sqrt(self) -> Self {
        unsafe { both!(_mm256_sqrt_ps, self) }
    }
    #[inline(always)]
    unsafe fn to_exponent(self) -> Self {
        let up =
            |x| unsafe { _mm256_castsi256_ps(_mm256_slli_epi32::<23>(_mm256_castps_si256(x))) };
        Self(up(self.0), up(self.1))
    }
    #[inline(always)]
    unsafe fn by_sign(self, below: Self, above: Self) -> Self {
        unsafe {
            let zero = _mm256_set1_ps(0.0);
            let lower = std::arch::x86_64::_mm256_cmp_ps::<_CMP_LT_OQ>(self.0, zero);
            let upper = std::arch::x86_64::_mm256_cmp_ps::<_CMP_LT_OQ>(self.1, zero);
            Self(
                _mm256_blendv_ps(above.0, below.0, lower),
                _mm256_blendv_ps(above.1, below.1, upper),
            )
        }
    }
}

#[cfg(target_arch = "x86_64")]
impl Vector for Avx512 {
    const MANY: bool = true;
    #[inline(always)]
    unsafe fn splat(x: f32) -> Self {
        unsafe { Self(_mm512_set1_ps(x)) }
    }
    #[inline(always)]
    unsafe fn load(at: *const f32) -> Self {
        unsafe { Self(_mm512_loadu_ps(at)) }
    }
    #[inline(always)]
    unsafe fn store(self, at: *mut f32) {
        unsafe { _mm512_storeu_ps(at, self.0) }
    }
    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        unsafe { Self(_mm512_add_ps(self.0, other.0)) }
    }
    #[inline(always)]
    unsafe fn sub(self, other: Self) -> Self {
        unsafe { Self(_mm512_sub_ps(self.0, other.0)) }
    }
    #[inline(always)]
    unsafe fn mul(self, other: Self) -> Self {
        unsafe { Self(_mm512_mul_ps(self.0, other.0)) }
    }
    #[inline(always)]
    unsafe fn div(self, other: Self) -> Self {
        unsafe { Self(_mm512_div_ps(self.0, other.0)) }
    }
    #[inline(always)]
    unsafe fn fma(self, by: Self, plus: Self) -> Self {
        unsafe { Self(_mm512_fmadd_ps(self.0, by.0, plus.0)) }
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
    unsafe fn sqrt(self) -> Self {
        unsafe { Self(_mm512_sqrt_ps(self.0)) }
    }
    #[inline(always)]
    unsafe fn to_exponent(self) -> Self {
        unsafe {
            Self(_mm512_castsi512_ps(_mm512_slli_epi32::<23>(
                _mm512_castps_si512(self.0),
            )))
        }
    }
    #[inline(always)]
    unsafe fn by_sign(self, below: Self, above: Self) -> Self {
        unsafe {
            let mask = _mm512_cmp_ps_mask::<_CMP_LT_OQ>(self.0, _mm512_setzero_ps());
            Self(_mm512_mask_blend_ps(mask, above.0, below.0))
        }
    }
}

/// A piece of work for one thread that is compiled for every set of instructions.
pub(crate) trait Task {
    /// What comes of it.
    type Output;
    /// Does it. `inline(always)`, or the set's instructions become calls.
    ///
    /// # Safety
    /// The processor has the instructions of `V`.
    unsafe fn run<V: Vector>(self) -> Self::Output;
}

/// The sets that there are code paths for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Set {
    Plain,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

/// All that this processor has, best last.
pub(crate) fn available() -> Vec<Set> {
    let mut sets = vec![Set::Plain];
    #[cfg(target_arch = "x86_64")]
    {
        let fused = std::arch::is_x86_feature_detected!("fma");
        if fused && std::arch::is_x86_feature_detected!("avx2") {
            sets.push(Set::Avx2);
        }
        if fused && std::arch::is_x86_feature_detected!("avx512f") {
            sets.push(Set::Avx512);
        }
    }
    sets
}

/// Does a task with the best instructions that this processor has.
pub(crate) fn run<T: Task>(task: T) -> T::Output {
    static BEST: OnceLock<Set> = OnceLock::new();
    let best = BEST.get_or_init(|| available().last().copied().unwrap_or(Set::Plain));
    run_with(*best, task)
}

/// Does a task with a set from [`available`].
pub(crate) fn run_with<T: Task>(set: Set, task: T) -> T::Output {
    // SAFETY: sets are only made where the processor has them.
    unsafe {
        match set {
            Set::Plain => task.run::<Plain>(),
            #[cfg(target_arch = "x86_64")]
            Set::Avx2 => with_avx2(task),
            #[cfg(target_arch = "x86_64")]
            Set::Avx512 => with_avx512(task),
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn with_avx2<T: Task>(task: T) -> T::Output {
    // SAFETY: they are enabled here.
    unsafe { task.run::<Avx2>() }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,fma")]
unsafe fn with_avx512<T: Task>(task: T) -> T::Output {
    // SAFETY: they are enabled here.
    unsafe { task.run::<Avx512>() }
}
