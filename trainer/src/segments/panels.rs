//! Scores of vectors against many centres at once: the inner loop of everything here.
//!
//! Sixteen centres lie side by side in a panel, so that a number of a vector meets sixteen centres
//! in one operation and eight vectors share what is loaded. Every product is summed from the first
//! number to the last, whatever the instructions: the scores are the same on every processor.

use crate::als::Factors;
#[cfg(target_arch = "x86_64")]
use crate::lanes::{Avx2, Avx512};
use crate::lanes::{Instructions, Lane, Set, Simd, WIDTH};

/// Vectors that are scored together.
const TOGETHER: usize = 8;

/// Centres, sixteen to a panel.
pub(super) struct Panels {
    dim: usize,
    panels: usize,
    /// -c, number by number: [panels, dim] lanes of sixteen centres.
    values: Vec<Lane>,
    /// |c|²/2; infinite where a panel has no centre.
    halves: Vec<Lane>,
}

/// What is done with the scores of a row. Implementations are `inline(always)`, so that they are
/// compiled for the instructions that the scores are made with; a closure would not be.
pub(super) trait Each {
    /// Takes the scores of the row at a position of those asked.
    ///
    /// # Safety
    /// The processor must have the instructions of `S`.
    unsafe fn each<S: Simd>(&mut self, at: usize, scores: &mut [Lane]);
}

/// The nearest centre and how near the second is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Nearest {
    /// Of equals the smaller.
    pub label: u32,
    /// Its score.
    pub best: f32,
    /// The smallest score of another; infinite where there is none.
    pub second: f32,
}

impl Panels {
    /// Of some rows, in their order.
    pub fn new(of: &Factors, rows: impl ExactSizeIterator<Item = usize>) -> Self {
        let (dim, panels) = (of.dim(), rows.len().div_ceil(WIDTH));
        let mut values = vec![Lane::ZERO; panels * dim];
        let mut halves = vec![Lane([f32::INFINITY; WIDTH]); panels];
        for (at, row) in rows.enumerate() {
            let (panel, lane) = (at / WIDTH, at % WIDTH);
            let own = values[panel * dim..].iter_mut();
            for (to, x) in own.zip(of.row(row)) {
                to.0[lane] = -x;
            }
            halves[panel].0[lane] = 0.5 * square(of.row(row)) as f32;
        }
        Self {
            dim,
            panels,
            values,
            halves,
        }
    }

    /// Gives `each` the position in `rows` and the scores |c|²/2 - x·c of that row x: half the
    /// squared distance, less |x|²/2. Scores are of whole panels; those of no centre are infinite.
    pub fn visit(&self, of: &Factors, rows: &[u32], set: Instructions, each: &mut impl Each) {
        debug_assert_eq!(of.dim(), self.dim);
        // SAFETY: `Instructions` are only made where the processor has them.
        unsafe {
            match set.0 {
                Set::Portable => self.visit_with::<Lane, 2, 1>(of, rows, each),
                #[cfg(target_arch = "x86_64")]
                Set::Avx2 => self.visit_avx2(of, rows, each),
                #[cfg(target_arch = "x86_64")]
                Set::Avx512 => self.visit_avx512(of, rows, each),
            }
        }
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2")]
    unsafe fn visit_avx2(&self, of: &Factors, rows: &[u32], each: &mut impl Each) {
        // SAFETY: AVX2 is enabled here.
        unsafe { self.visit_with::<Avx2, 4, 1>(of, rows, each) }
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx512f")]
    unsafe fn visit_avx512(&self, of: &Factors, rows: &[u32], each: &mut impl Each) {
        // SAFETY: AVX-512F is enabled here.
        unsafe { self.visit_with::<Avx512, TOGETHER, 2>(of, rows, each) }
    }

    /// `P` vectors and `C` panels at a time, which is what the registers hold.
    #[inline(always)]
    unsafe fn visit_with<S: Simd, const P: usize, const C: usize>(
        &self,
        of: &Factors,
        rows: &[u32],
        each: &mut impl Each,
    ) {
        let mut scores = vec![Lane::ZERO; P * self.panels];
        for (group, some) in rows.chunks(P).enumerate() {
            // A group that is not full scores its last vector again.
            let vectors: [&[f32]; P] =
                std::array::from_fn(|p| of.row(some[p.min(some.len() - 1)] as usize));
            // Rows that bounds leave over are far apart: those of the next group are asked for now.
            for row in rows.iter().skip((group + 1) * P).take(P) {
                let lanes = &of.values[*row as usize * of.lanes..][..of.lanes];
                // SAFETY: lanes of a slice.
                lanes.iter().for_each(|lane| unsafe { S::prefetch(lane) });
            }
            let whole = self.panels - self.panels % C;
            // SAFETY: passed on; panels are inside `values`.
            unsafe {
                for panel in (0..whole).step_by(C) {
                    self.tile::<S, P, C>(&vectors, panel, &mut scores);
                }
                for panel in whole..self.panels {
                    self.tile::<S, P, 1>(&vectors, panel, &mut scores);
                }
            }
            for (p, scores) in scores.chunks_exact_mut(self.panels).enumerate() {
                if p < some.len() {
                    // SAFETY: passed on.
                    unsafe { each.each::<S>(group * P + p, scores) };
                }
            }
        }
    }

    #[inline(always)]
    unsafe fn tile<S: Simd, const P: usize, const C: usize>(
        &self,
        vectors: &[&[f32]; P],
        panel: usize,
        scores: &mut [Lane],
    ) {
        let lanes: [&[Lane]; C] =
            std::array::from_fn(|c| &self.values[(panel + c) * self.dim..][..self.dim]);
        // SAFETY: every vector has `dim` numbers (of `Factors` of so many), every panel `dim` lanes.
        unsafe {
            let mut sums = [[S::splat(0.0); C]; P];
            for i in 0..self.dim {
                // No `from_fn`: its closure would not be compiled for these instructions.
                let mut centres = [S::splat(0.0); C];
                for c in 0..C {
                    centres[c] = S::load(lanes[c].as_ptr().add(i));
                }
                for p in 0..P {
                    let x = S::splat(*vectors[p].get_unchecked(i));
                    for c in 0..C {
                        sums[p][c] = sums[p][c].add(x.mul(centres[c]));
                    }
                }
            }
            for (p, sums) in sums.iter().enumerate() {
                for (c, sum) in sums.iter().enumerate() {
                    let half = S::load(&self.halves[panel + c]);
                    sum.add(half)
                        .store(&mut scores[p * self.panels + panel + c]);
                }
            }
        }
    }
}

/// The two smallest of a row's scores, none of which is NaN.
///
/// # Safety
/// The processor must have the instructions of `S`.
#[inline(always)]
pub(super) unsafe fn nearest<S: Simd>(scores: &[Lane]) -> Nearest {
    // SAFETY: the caller's for the instructions; the pointers come from references.
    unsafe {
        let infinite = S::splat(f32::INFINITY);
        let (mut best, mut second) = (infinite, infinite);
        for lane in scores {
            let x = S::load(lane);
            second = second.min(best.max(x));
            best = best.min(x);
        }
        let least = best.smallest();
        let wanted = S::splat(least);
        let mut label = 0;
        for (panel, lane) in scores.iter().enumerate() {
            let here = S::load(lane).equal(wanted);
            if here != 0 {
                label = panel * WIDTH + here.trailing_zeros() as usize;
                break;
            }
        }
        // Another lane that is as small is the second; else that is in this lane's second or the
        // other lanes' best.
        let lanes = best.equal(wanted);
        let others = if lanes.count_ones() > 1 {
            least
        } else {
            let mut rest = Lane::ZERO;
            best.store(&mut rest);
            rest.0[label % WIDTH] = f32::INFINITY;
            S::load(&rest).min(second).smallest()
        };
        Nearest {
            label: label as u32,
            best: least,
            second: others,
        }
    }
}

/// |x|², summed in f64.
pub(super) fn square(x: &[f32]) -> f64 {
    x.iter().map(|x| f64::from(*x) * f64::from(*x)).sum()
}
