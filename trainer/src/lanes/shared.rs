//! Lanes that several threads read and write at once, and the choice of a set for a whole loop.
//!
//! Rust has no vector that is loaded atomically, and compilers keep relaxed atomics apart: sixteen
//! of them are sixteen instructions. So a shared lane is moved by one instruction of inline
//! assembly, which stands for sixteen relaxed loads or stores of 32 bits. The compiler cannot look
//! into it, so no assumption of its own is broken, as by a plain access of rows that others write.
//! That 32-bit parts never tear is promised by the processors' manuals for aligned vectors of 16
//! bytes; for wider ones they promise nothing, but they are moved in parts of 16 bytes or more. A
//! torn float would be a wrong number and nothing worse. Threads may lose each other's updates,
//! which is what Hogwild allows (Recht et al. 2011).

#[cfg(target_arch = "x86_64")]
use std::arch::{
    asm,
    x86_64::{__m256, __m512, _mm512_fmadd_ps},
};
use std::sync::atomic::{AtomicU32, Ordering};

#[cfg(target_arch = "x86_64")]
use crate::lanes::{Avx2, Avx512};
use crate::lanes::{Instructions, Lane, Set, Simd, WIDTH};

/// A set of instructions whose loads and stores are relaxed atomics, float by float.
#[derive(Clone, Copy)]
pub(crate) struct Shared<S>(S);

/// The accesses of a shared set.
///
/// # Safety
/// As of [`Simd`].
pub(crate) trait Relaxed: Simd {
    unsafe fn load_relaxed(at: *const Lane) -> Self;
    unsafe fn store_relaxed(self, at: *mut Lane);
    /// self · factor + term, rounded once where the set can.
    unsafe fn fused(self, factor: Self, term: Self) -> Self;
}

// SAFETY of this block: passed on.
impl<S: Relaxed> Simd for Shared<S> {
    #[inline(always)]
    unsafe fn splat(x: f32) -> Self {
        unsafe { Self(S::splat(x)) }
    }
    #[inline(always)]
    unsafe fn load(at: *const Lane) -> Self {
        unsafe { Self(S::load_relaxed(at)) }
    }
    #[inline(always)]
    unsafe fn store(self, at: *mut Lane) {
        unsafe { self.0.store_relaxed(at) }
    }
    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        unsafe { Self(self.0.add(other.0)) }
    }
    #[inline(always)]
    unsafe fn mul(self, other: Self) -> Self {
        unsafe { Self(self.0.mul(other.0)) }
    }
    #[inline(always)]
    unsafe fn mul_add(self, factor: Self, term: Self) -> Self {
        unsafe { Self(self.0.fused(factor.0, term.0)) }
    }
    #[inline(always)]
    unsafe fn sum(self) -> f32 {
        unsafe { self.0.sum() }
    }
    #[inline(always)]
    unsafe fn min(self, other: Self) -> Self {
        unsafe { Self(self.0.min(other.0)) }
    }
    #[inline(always)]
    unsafe fn max(self, other: Self) -> Self {
        unsafe { Self(self.0.max(other.0)) }
    }
    #[inline(always)]
    unsafe fn smallest(self) -> f32 {
        unsafe { self.0.smallest() }
    }
    #[inline(always)]
    unsafe fn equal(self, other: Self) -> u16 {
        unsafe { self.0.equal(other.0) }
    }
    #[inline(always)]
    unsafe fn prefetch(at: *const Lane) {
        unsafe { S::prefetch(at) }
    }
}

impl Relaxed for Lane {
    #[inline(always)]
    unsafe fn load_relaxed(at: *const Lane) -> Self {
        // SAFETY: the caller's pointer is readable; an `AtomicU32` has the layout of a float.
        let parts = unsafe { &*at.cast::<[AtomicU32; WIDTH]>() };
        Self(std::array::from_fn(|i| {
            f32::from_bits(parts[i].load(Ordering::Relaxed))
        }))
    }
    #[inline(always)]
    unsafe fn store_relaxed(self, at: *mut Lane) {
        // SAFETY: as above.
        let parts = unsafe { &*at.cast::<[AtomicU32; WIDTH]>() };
        for (part, x) in parts.iter().zip(self.0) {
            part.store(x.to_bits(), Ordering::Relaxed);
        }
    }
    #[inline(always)]
    unsafe fn fused(self, factor: Self, term: Self) -> Self {
        // SAFETY: plain Rust.
        unsafe { term.add(self.mul(factor)) }
    }
}

// SAFETY of the blocks below: the trait's contract gives the instructions and the pointers; a
// `Lane` is aligned to 64 bytes; the assembly touches nothing but what it names.
#[cfg(target_arch = "x86_64")]
impl Relaxed for Avx2 {
    #[inline(always)]
    unsafe fn load_relaxed(at: *const Lane) -> Self {
        unsafe { Self(load_256(at.cast()), load_256(at.cast::<__m256>().add(1))) }
    }
    #[inline(always)]
    unsafe fn store_relaxed(self, at: *mut Lane) {
        unsafe {
            store_256(at.cast(), self.0);
            store_256(at.cast::<__m256>().add(1), self.1);
        }
    }
    #[inline(always)]
    unsafe fn fused(self, factor: Self, term: Self) -> Self {
        unsafe { term.add(self.mul(factor)) }
    }
}

#[cfg(target_arch = "x86_64")]
impl Relaxed for Avx512 {
    #[inline(always)]
    unsafe fn load_relaxed(at: *const Lane) -> Self {
        unsafe { Self(load_512(at.cast())) }
    }
    #[inline(always)]
    unsafe fn store_relaxed(self, at: *mut Lane) {
        unsafe { store_512(at.cast(), self.0) }
    }
    #[inline(always)]
    unsafe fn fused(self, factor: Self, term: Self) -> Self {
        unsafe { Self(_mm512_fmadd_ps(self.0, factor.0, term.0)) }
    }
}

/// The four accesses, as functions of their own: only where a set is enabled may assembly name its
/// registers.
#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn load_256(at: *const __m256) -> __m256 {
    let all: __m256;
    unsafe {
        asm!("vmovaps {0}, [{1}]", lateout(ymm_reg) all, in(reg) at,
            options(nostack, preserves_flags, readonly));
    }
    all
}

#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn store_256(at: *mut __m256, all: __m256) {
    unsafe {
        asm!("vmovaps [{1}], {0}", in(ymm_reg) all, in(reg) at, options(nostack, preserves_flags));
    }
}

#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "avx512f")]
unsafe fn load_512(at: *const __m512) -> __m512 {
    let all: __m512;
    unsafe {
        asm!("vmovaps {0}, [{1}]", lateout(zmm_reg) all, in(reg) at,
            options(nostack, preserves_flags, readonly));
    }
    all
}

#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "avx512f")]
unsafe fn store_512(at: *mut __m512, all: __m512) {
    unsafe {
        asm!("vmovaps [{1}], {0}", in(zmm_reg) all, in(reg) at, options(nostack, preserves_flags));
    }
}

/// A loop that is compiled once for every set. `run` is `#[inline(always)]`, or its instructions
/// would not be the set's.
///
/// # Safety
/// `run` may be called only where the processor has the instructions of `S`; what else it needs its
/// maker has promised.
pub(crate) trait Routine {
    /// What it gives back.
    type Output;
    /// Runs on a set.
    unsafe fn run<S: Simd>(self) -> Self::Output;
}

impl Instructions {
    /// Runs on this set, alone with the rows: the same bytes on every set.
    pub(crate) fn alone<R: Routine>(self, routine: R) -> R::Output {
        // SAFETY: `Instructions` are only made where the processor has them.
        unsafe {
            match self.0 {
                Set::Portable => routine.run::<Lane>(),
                #[cfg(target_arch = "x86_64")]
                Set::Avx2 => avx2::<Avx2, R>(routine),
                #[cfg(target_arch = "x86_64")]
                Set::Avx512 => avx512::<Avx512, R>(routine),
            }
        }
    }

    /// Runs on this set, on rows that other threads may run on as well.
    pub(crate) fn shared<R: Routine>(self, routine: R) -> R::Output {
        // SAFETY: as above.
        unsafe {
            match self.0 {
                Set::Portable => routine.run::<Shared<Lane>>(),
                #[cfg(target_arch = "x86_64")]
                Set::Avx2 => avx2::<Shared<Avx2>, R>(routine),
                #[cfg(target_arch = "x86_64")]
                Set::Avx512 => avx512::<Shared<Avx512>, R>(routine),
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
unsafe fn avx2<S: Simd, R: Routine>(routine: R) -> R::Output {
    // SAFETY: the caller's, and AVX2 is enabled here.
    unsafe { routine.run::<S>() }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
unsafe fn avx512<S: Simd, R: Routine>(routine: R) -> R::Output {
    // SAFETY: the caller's, and AVX-512F is enabled here.
    unsafe { routine.run::<S>() }
}
