//! The update of skip-gram with negative sampling, in closed form, one pair after another.
//!
//! For a pair (center c, context o) with negatives n₁…n_k the loss is
//! -ln σ(u_c·v_o) - Σ ln σ(-u_c·v_nᵢ) (Mikolov et al. 2013, "Distributed Representations of Words
//! and Phrases", eq. 4). With g = η·(label - σ(u·v)): v ← v + g·u and u ← u + Σ g·v, all dot
//! products taken before the first update, as word2vec.c does. A negative equal to the context is
//! left out.
//!
//! Owns the arithmetic only: it knows nothing of steps, rates or randomness.

use crate::error::TrainerError;
#[cfg(target_arch = "x86_64")]
use crate::lanes::{Avx2, Avx512};
use crate::lanes::{Instructions, Lane, Set, Simd};
use crate::prod2vec::model::Model;
use crate::prod2vec::pairs::Pairs;
use crate::prod2vec::sigmoid::{Sigmoid, softplus_of_minus};

/// The loss of every so-many-th pair is measured.
const LOSS_EVERY: usize = 32;
/// How many pairs ahead rows are asked for (measured: 2 is best from 4 thousand items up).
const AHEAD: usize = 2;

/// Loss over the pairs that were measured.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct LossSum {
    /// Sum of the losses, in nats.
    pub sum: f64,
    /// How many were summed.
    pub pairs: u64,
}

/// Applies updates to a model.
#[derive(Debug, Clone)]
pub struct Kernel {
    sigmoid: Sigmoid,
    instructions: Instructions,
}

impl Kernel {
    /// A kernel on these instructions.
    #[must_use]
    pub fn new(instructions: Instructions) -> Self {
        Self {
            sigmoid: Sigmoid::new(),
            instructions,
        }
    }

    /// Trains on all pairs in their order at one learning rate.
    ///
    /// # Errors
    /// [`TrainerError::Bug`] where the pairs were checked for a model of another size.
    pub fn train(
        &self,
        model: &mut Model,
        pairs: &Pairs,
        rate: f32,
    ) -> Result<LossSum, TrainerError> {
        if pairs.rows() != model.rows() {
            let (of, rows) = (pairs.rows(), model.rows());
            return Err(TrainerError::bug(format!(
                "pairs for {of} rows and a model of {rows}"
            )));
        }
        let (input, output, lanes) = model.weights();
        let mut work = Work {
            input,
            output,
            lanes,
            pairs,
            rate,
            sigmoid: &self.sigmoid,
        };
        // SAFETY: `Instructions` are only made where the processor has them; `Pairs` holds only rows
        // of a model of this many rows, and a row has `lanes` lanes.
        Ok(unsafe {
            match self.instructions.0 {
                Set::Portable => train::<Lane>(&mut work),
                #[cfg(target_arch = "x86_64")]
                Set::Avx2 => train_avx2(&mut work),
                #[cfg(target_arch = "x86_64")]
                Set::Avx512 => train_avx512(&mut work),
            }
        })
    }
}

struct Work<'a> {
    input: &'a mut [Lane],
    output: &'a mut [Lane],
    lanes: usize,
    pairs: &'a Pairs,
    rate: f32,
    sigmoid: &'a Sigmoid,
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
unsafe fn train_avx2(work: &mut Work<'_>) -> LossSum {
    // SAFETY: the caller's, and AVX2 is enabled here.
    unsafe { train::<Avx2>(work) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
unsafe fn train_avx512(work: &mut Work<'_>) -> LossSum {
    // SAFETY: the caller's, and AVX-512F is enabled here.
    unsafe { train::<Avx512>(work) }
}

/// The usual numbers of negatives have loops of fixed length, which are half as long in time; the
/// arithmetic is the same.
#[inline(always)]
unsafe fn train<S: Simd>(work: &mut Work<'_>) -> LossSum {
    // SAFETY: passed on.
    unsafe {
        match work.pairs.negatives_per_pair() {
            5 => train_fixed::<S, 6>(work),
            10 => train_fixed::<S, 11>(work),
            15 => train_fixed::<S, 16>(work),
            20 => train_fixed::<S, 21>(work),
            _ => train_any::<S>(work),
        }
    }
}

/// `T` targets: the context and `T - 1` negatives.
#[inline(always)]
unsafe fn train_fixed<S: Simd, const T: usize>(work: &mut Work<'_>) -> LossSum {
    let mut rows = [std::ptr::null_mut::<Lane>(); T];
    let mut steps = [0f32; T];
    // SAFETY: passed on.
    unsafe {
        train_with::<S>(work, |update| {
            update.apply_fixed::<S, T>(&mut rows, &mut steps)
        })
    }
}

#[inline(always)]
unsafe fn train_any<S: Simd>(work: &mut Work<'_>) -> LossSum {
    let targets = work.pairs.negatives_per_pair() + 1;
    let mut rows = vec![std::ptr::null_mut::<Lane>(); targets];
    let mut steps = vec![0f32; targets];
    // SAFETY: passed on.
    unsafe { train_with::<S>(work, |update| update.apply_any::<S>(&mut rows, &mut steps)) }
}

/// One pair and where its rows lie.
struct Update<'a> {
    center: *mut Lane,
    output: *mut Lane,
    lanes: usize,
    context: u32,
    negatives: &'a [u32],
    rate: f32,
    sigmoid: &'a Sigmoid,
    /// Measured where there is one.
    loss: Option<&'a mut LossSum>,
}

#[inline(always)]
unsafe fn train_with<S: Simd>(work: &mut Work<'_>, mut apply: impl FnMut(Update<'_>)) -> LossSum {
    let mut loss = LossSum::default();
    let (lanes, pairs) = (work.lanes, work.pairs);
    let input = work.input.as_mut_ptr();
    let output = work.output.as_mut_ptr();
    for at in 0..pairs.len() {
        // SAFETY: `Pairs` holds only rows of the model.
        unsafe {
            if at + AHEAD < pairs.len() {
                let (_, context, negatives) = pairs.get(at + AHEAD);
                for row in std::iter::once(&context).chain(negatives) {
                    let row = output.add(*row as usize * lanes);
                    (0..lanes).for_each(|i| S::prefetch(row.add(i)));
                }
            }
            let (center, context, negatives) = pairs.get(at);
            let center = input.add(center as usize * lanes);
            let measured = at.is_multiple_of(LOSS_EVERY).then_some(&mut loss);
            let (rate, sigmoid) = (work.rate, work.sigmoid);
            apply(Update {
                center,
                output,
                lanes,
                context,
                negatives,
                rate,
                sigmoid,
                loss: measured,
            });
        }
    }
    loss
}

impl Update<'_> {
    /// Row pointers of context and negatives.
    #[inline(always)]
    fn find(&self, rows: &mut [*mut Lane]) {
        let targets = std::iter::once(&self.context).chain(self.negatives);
        for (row, target) in rows.iter_mut().zip(targets) {
            *row = self.output.wrapping_add(*target as usize * self.lanes);
        }
    }

    /// Turns dot products into step lengths g.
    #[inline(always)]
    fn rate(&mut self, dots: &mut [f32]) {
        let Some((context, negatives)) = dots.split_first_mut() else {
            return;
        };
        if let Some(loss) = self.loss.as_mut() {
            loss.pairs += 1;
            loss.sum += softplus_of_minus(*context);
            for (dot, id) in negatives.iter().zip(self.negatives) {
                loss.sum += if *id == self.context {
                    0.0
                } else {
                    softplus_of_minus(-*dot)
                };
            }
        }
        *context = self.rate * (1.0 - self.sigmoid.at(*context));
        for (dot, id) in negatives.iter_mut().zip(self.negatives) {
            let step = self.rate * -self.sigmoid.at(*dot);
            *dot = if *id == self.context { 0.0 } else { step };
        }
    }

    #[inline(always)]
    fn apply_fixed<S: Simd, const T: usize>(
        mut self,
        rows: &mut [*mut Lane; T],
        steps: &mut [f32; T],
    ) {
        self.find(rows);
        // SAFETY: the pointers are to rows of `lanes` lanes; input and output are apart.
        unsafe {
            let mut sums = [S::splat(0.0); T];
            for i in 0..self.lanes {
                let u = S::load(self.center.add(i));
                for t in 0..T {
                    sums[t] = sums[t].add(u.mul(S::load(rows[t].add(i))));
                }
            }
            for t in 0..T {
                steps[t] = sums[t].sum();
            }
            self.rate(steps);
            let steps: [S; T] = std::array::from_fn(|t| S::splat(steps[t]));
            for i in 0..self.lanes {
                let u = S::load(self.center.add(i));
                let mut gradient = S::splat(0.0);
                for t in 0..T {
                    let v = S::load(rows[t].add(i));
                    gradient = gradient.add(steps[t].mul(v));
                    v.add(steps[t].mul(u)).store(rows[t].add(i));
                }
                u.add(gradient).store(self.center.add(i));
            }
        }
    }

    #[inline(always)]
    fn apply_any<S: Simd>(mut self, rows: &mut [*mut Lane], steps: &mut [f32]) {
        self.find(rows);
        // SAFETY: as above.
        unsafe {
            for (row, dot) in rows.iter().zip(steps.iter_mut()) {
                let mut sum = S::splat(0.0);
                for i in 0..self.lanes {
                    sum = sum.add(S::load(self.center.add(i)).mul(S::load(row.add(i))));
                }
                *dot = sum.sum();
            }
            self.rate(steps);
            for i in 0..self.lanes {
                let u = S::load(self.center.add(i));
                let mut gradient = S::splat(0.0);
                for (row, step) in rows.iter().zip(steps.iter()) {
                    let (v, step) = (S::load(row.add(i)), S::splat(*step));
                    gradient = gradient.add(step.mul(v));
                    v.add(step.mul(u)).store(row.add(i));
                }
                u.add(gradient).store(self.center.add(i));
            }
        }
    }
}
