//! Sixteen floats at a time: loaded, stored, and multiplied and added with one rounding.
//!
//! Every set of instructions gives the same bits. Owns no threads: a task picks its set by [`run`]
//! when it begins, and loops over slices inside of it are compiled for that set too.

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::{
    __m256, __m512, _mm256_fmadd_ps, _mm256_loadu_ps, _mm256_set1_ps, _mm256_storeu_ps,
    _mm512_fmadd_ps, _mm512_loadu_ps, _mm512_set1_ps, _mm512_storeu_ps,
};
use std::sync::OnceLock;

/// Floats of a vector.
pub(crate) const WIDTH: usize = 16;

/// The next multiple of [`WIDTH`].
pub(crate) fn padded(len: usize) -> usize {
    len.next_multiple_of(WIDTH)
}

/// What products need of a set of instructions.
///
/// # Safety
/// Every function may be called only where the processor has the instructions of the type; `load` and
/// `store` need sixteen floats that may be read, or written.
pub(crate) trait Vector: Copy {
    /// Whether sixteen sums fit into registers.
    const MANY: bool;
    unsafe fn splat(x: f32) -> Self;
    unsafe fn load(at: *const f32) -> Self;
    unsafe fn store(self, at: *mut f32);
    /// self · by + plus, rounded once.
    unsafe fn fma(self, by: Self, plus: Self) -> Self;
}

/// Any processor.
#[derive(Clone, Copy)]
pub(crate) struct Plain([f32; WIDTH]);

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
    unsafe fn fma(self, by: Self, plus: Self) -> Self {
        Self(std::array::from_fn(|i| {
            self.0[i].mul_add(by.0[i], plus.0[i])
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
    unsafe fn fma(self, by: Self, plus: Self) -> Self {
        unsafe {
            Self(
                _mm256_fmadd_ps(self.0, by.0, plus.0),
                _mm256_fmadd_ps(self.1, by.1, plus.1),
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
    unsafe fn fma(self, by: Self, plus: Self) -> Self {
        unsafe { Self(_mm512_fmadd_ps(self.0, by.0, plus.0)) }
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
#[target_feature(enable = "avx512f,avx2,fma")]
unsafe fn with_avx512<T: Task>(task: T) -> T::Output {
    // SAFETY: they are enabled here.
    unsafe { task.run::<Avx512>() }
}
