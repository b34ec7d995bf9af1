//! One row: (I + Σ w z zᵀ) x = Σ c z, over the row's entries.

use super::cholesky::{factorize, solve};
use super::factors::Factors;
use super::product::{Matrix, product};
#[cfg(target_arch = "x86_64")]
use crate::lanes::{Avx2, Avx512};
use crate::lanes::{Instructions, Lane, Set, Simd, WIDTH, floats, floats_mut};

/// Entries that are added together, while the vectors of as many more are on their way.
const TOGETHER: usize = 4;
/// A residual so small is none: its square against that of the right side.
const SMALL: f32 = 1e-12;

/// The entries of a row.
#[derive(Clone, Copy)]
pub struct Row<'a> {
    /// Vectors of all columns.
    pub z: &'a Factors,
    /// Columns that the row has entries at.
    pub columns: &'a [u32],
    /// w of each, above 0.
    pub weights: &'a [f32],
    /// c of each.
    pub targets: &'a [f32],
}

/// Memory that rows share, one after another.
#[derive(Default)]
pub struct Scratch {
    residual: Vec<Lane>,
    direction: Vec<Lane>,
    image: Vec<Lane>,
    pub(super) vectors: Vec<f32>,
    pub(super) system: Vec<f32>,
    pub(super) right: Vec<f32>,
}

impl Row<'_> {
    fn vector(&self, at: usize) -> &[Lane] {
        let (column, lanes) = (self.columns[at] as usize, self.z.lanes);
        &self.z.values[column * lanes..][..lanes]
    }

    /// Some steps of conjugate gradient (Hestenes and Stiefel 1952) from the x that is there.
    pub fn conjugate(
        &self,
        set: Instructions,
        steps: usize,
        x: &mut [Lane],
        scratch: &mut Scratch,
    ) {
        let Scratch {
            residual,
            direction,
            image,
            ..
        } = scratch;
        for vector in [&mut *residual, &mut *direction, &mut *image] {
            vector.clear();
            vector.resize(x.len(), Lane::ZERO);
        }
        // r = Σ c z - x - Σ w (z·x) z
        self.add(set, x, residual, |at, dot| {
            self.targets[at] - self.weights[at] * dot
        });
        let start = norm(residual);
        axpy(-1.0, x, residual);
        direction.copy_from_slice(residual);
        let mut left = norm(residual);
        for _ in 0..steps {
            if left <= start * SMALL || left == 0.0 {
                break;
            }
            image.copy_from_slice(direction);
            self.add(set, direction, image, |at, dot| self.weights[at] * dot);
            let length = left / dot(direction, image);
            axpy(length, direction, x);
            axpy(-length, image, residual);
            let next = norm(residual);
            let by = next / left;
            for (d, r) in floats_mut(direction).iter_mut().zip(floats(residual)) {
                *d = r + by * *d;
            }
            left = next;
        }
    }

    /// The solution itself; false where floats cannot tell it.
    pub fn exact(&self, x: &mut [Lane], scratch: &mut Scratch) -> bool {
        let (n, dim) = (self.columns.len(), self.z.dim());
        let Scratch {
            vectors,
            system,
            right,
            ..
        } = scratch;
        self.gather(vectors, right);
        let v = Matrix::by_rows(vectors, n, dim, dim);
        let size = n.min(dim);
        system.clear();
        system.resize(size * size, 0.0);
        for i in 0..size {
            system[i * size + i] = 1.0;
        }
        let out = &mut floats_mut(x)[..dim];
        if n < dim {
            // x = Vᵀ (I + VVᵀ)⁻¹ c/√w, V's rows being √w z.
            product(system, size, 1.0, v, v.transposed(), 1.0);
            let solved = factorize(system, size, size);
            solve(system, size, size, right);
            let a = Matrix::by_rows(right, 1, n, n);
            product(out, dim, 0.0, a, v, 1.0);
            solved
        } else {
            // (I + VᵀV) x = Vᵀ c/√w
            product(system, size, 1.0, v.transposed(), v, 1.0);
            product(out, dim, 0.0, Matrix::by_rows(right, 1, n, n), v, 1.0);
            let solved = factorize(system, size, size);
            solve(system, size, size, out);
            solved
        }
    }

    /// √w z [entries, dim] and c/√w of every entry.
    pub(super) fn gather(&self, vectors: &mut Vec<f32>, right: &mut Vec<f32>) {
        vectors.clear();
        right.clear();
        for at in 0..self.columns.len() {
            let (root, z) = (self.weights[at].sqrt(), floats(self.vector(at)));
            vectors.extend(z[..self.z.dim()].iter().map(|z| z * root));
            right.push(self.targets[at] / root);
        }
    }

    /// Adds Σ f(at, z·v) z to `out`.
    fn add(&self, set: Instructions, v: &[Lane], out: &mut [Lane], f: impl Fn(usize, f32) -> f32) {
        // SAFETY: `Instructions` are only made where the processor has them.
        unsafe {
            match set.0 {
                Set::Portable => self.add_with::<Lane>(v, out, f),
                #[cfg(target_arch = "x86_64")]
                Set::Avx2 => self.add_avx2(v, out, f),
                #[cfg(target_arch = "x86_64")]
                Set::Avx512 => self.add_avx512(v, out, f),
            }
        }
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2")]
    unsafe fn add_avx2(&self, v: &[Lane], out: &mut [Lane], f: impl Fn(usize, f32) -> f32) {
        // SAFETY: AVX2 is enabled here.
        unsafe { self.add_with::<Avx2>(v, out, f) }
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx512f")]
    unsafe fn add_avx512(&self, v: &[Lane], out: &mut [Lane], f: impl Fn(usize, f32) -> f32) {
        // SAFETY: AVX-512F is enabled here.
        unsafe { self.add_with::<Avx512>(v, out, f) }
    }

    #[inline(always)]
    unsafe fn add_with<S: Simd>(
        &self,
        v: &[Lane],
        out: &mut [Lane],
        f: impl Fn(usize, f32) -> f32,
    ) {
        let whole = self.columns.len() - self.columns.len() % TOGETHER;
        // SAFETY: passed on.
        unsafe {
            for at in (0..whole).step_by(TOGETHER) {
                self.add_some::<S, TOGETHER>(at, v, out, &f);
            }
            for at in whole..self.columns.len() {
                self.add_some::<S, 1>(at, v, out, &f);
            }
        }
    }

    /// N entries from `at` on: `v` and `out` are loaded once for all of them.
    #[inline(always)]
    unsafe fn add_some<S: Simd, const N: usize>(
        &self,
        at: usize,
        v: &[Lane],
        out: &mut [Lane],
        f: impl Fn(usize, f32) -> f32,
    ) {
        let lanes = v.len().min(out.len());
        // SAFETY: pointers are to lanes of slices of so many; a prefetch may be of any address.
        unsafe {
            let next = self.columns[at..].iter().skip(N).take(N);
            for column in next {
                let next = self
                    .z
                    .values
                    .as_ptr()
                    .wrapping_add(*column as usize * lanes);
                (0..lanes).for_each(|i| S::prefetch(next.wrapping_add(i)));
            }
            let z: [&[Lane]; N] = std::array::from_fn(|e| &self.vector(at + e)[..lanes]);
            let mut sums = [S::splat(0.0); N];
            for i in 0..lanes {
                let v = S::load(&v[i]);
                for e in 0..N {
                    sums[e] = sums[e].add(v.mul(S::load(&z[e][i])));
                }
            }
            let by: [S; N] = std::array::from_fn(|e| S::splat(f(at + e, sums[e].sum())));
            for i in 0..lanes {
                let mut sum = S::load(&out[i]);
                for e in 0..N {
                    sum = sum.add(by[e].mul(S::load(&z[e][i])));
                }
                sum.store(&mut out[i]);
            }
        }
    }
}

fn norm(of: &[Lane]) -> f32 {
    dot(of, of)
}

fn dot(a: &[Lane], b: &[Lane]) -> f32 {
    let mut sums = [0.0; WIDTH];
    for (a, b) in a.iter().zip(b) {
        for (sum, (a, b)) in sums.iter_mut().zip(a.0.iter().zip(b.0)) {
            *sum += a * b;
        }
    }
    sums.iter().sum()
}

fn axpy(by: f32, of: &[Lane], to: &mut [Lane]) {
    for (to, x) in floats_mut(to).iter_mut().zip(floats(of)) {
        *to += by * x;
    }
}
