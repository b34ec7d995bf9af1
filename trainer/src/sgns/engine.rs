//! Who takes the steps: one thread in a fixed order, or all that there are, without locks.

use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::{IntoParallelIterator, ParallelIterator};

use crate::error::TrainerError;
use crate::lanes::{Instructions, Lane, Routine, Simd};
use crate::sgns::examples::{Examples, Sampling};
use crate::sgns::learner::{Learner, LossSum};
use crate::sgns::sigmoid::Sigmoid;
use crate::sgns::weights::Weights;

/// Documents that a thread takes at once.
const CHUNK: usize = 16;
/// Rows of the steps that lie ready: 16 KiB of indices.
const READY: usize = 4096;

/// How updates are applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// In a fixed order on one thread: the same bytes on every machine.
    Deterministic,
    /// On so many threads without locks (Hogwild: Recht et al. 2011): updates of one row at the
    /// same time may be lost, so no two trainings need be equal. With one thread they are, on
    /// processors with the same instructions.
    Fast {
        /// At least 1.
        threads: usize,
    },
}

/// A learning rate that falls, or rises, in a straight line over the documents of a pass.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rates {
    /// At the first document.
    pub first: f32,
    /// After the last.
    pub last: f32,
}

/// What was learnt from.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Learnt {
    /// Loss over the steps that were measured, each before it was taken.
    pub loss: LossSum,
    /// Pairs: an input and a positive.
    pub pairs: u64,
}

/// Takes steps in a mode.
#[derive(Debug)]
pub(crate) struct Engine {
    sigmoid: Sigmoid,
    instructions: Instructions,
    /// None: deterministic.
    pool: Option<rayon::ThreadPool>,
}

impl Engine {
    /// An engine of a mode.
    ///
    /// # Errors
    /// [`TrainerError::Config`] where its threads cannot be started.
    pub(crate) fn new(instructions: Instructions, mode: Mode) -> Result<Self, TrainerError> {
        let pool = match mode {
            Mode::Deterministic => None,
            Mode::Fast { threads } => {
                let pool = rayon::ThreadPoolBuilder::new()
                    .num_threads(threads.max(1))
                    .build();
                Some(pool.map_err(|e| TrainerError::Config {
                    key: "threads",
                    reason: e.to_string(),
                })?)
            }
        };
        Ok(Self {
            sigmoid: Sigmoid::new(),
            instructions,
            pool,
        })
    }

    /// One pass over `documents`, numbers that `make` turns into steps.
    ///
    /// # Safety
    /// What `make` adds, and the noise, are rows of the weights.
    pub(crate) unsafe fn pass<M>(
        &self,
        weights: Weights<'_>,
        sampling: &Sampling,
        documents: &[u32],
        rates: Rates,
        make: M,
    ) -> Learnt
    where
        M: Fn(u32, &mut Examples<'_>) + Sync,
    {
        let next = AtomicUsize::new(0);
        let part = || Part {
            examples: Examples::new(sampling),
            learner: Learner::new(weights, &self.sigmoid, rates.first),
            documents,
            rates,
            next: &next,
            make: &make,
        };
        let Some(pool) = &self.pool else {
            return self.instructions.alone(part());
        };
        let parts = pool.broadcast(|_| self.instructions.shared(part()));
        parts.into_iter().fold(Learnt::default(), |a, b| Learnt {
            loss: LossSum {
                sum: a.loss.sum + b.loss.sum,
                pairs: a.loss.pairs + b.loss.pairs,
            },
            pairs: a.pairs + b.pairs,
        })
    }

    /// Passes over one list, `make`'s, that move `own` only; the same bytes in every mode.
    ///
    /// # Safety
    /// What `make` adds, but for the last row of each input, and the noise, are rows of the
    /// weights; `own` has as many lanes as a row.
    pub(crate) unsafe fn infer(
        &self,
        weights: Weights<'_>,
        sampling: &Sampling,
        own: &mut [Lane],
        epochs: u32,
        rates: impl Fn(u32) -> f32,
        make: impl FnMut(&mut Examples<'_>),
    ) {
        self.instructions.alone(Inference {
            examples: Examples::new(sampling),
            learner: Learner::new(weights, &self.sigmoid, 0.0),
            own: own.as_mut_ptr(),
            epochs,
            rates,
            make,
        });
    }

    /// What `one` makes of each number below `n`, on all threads.
    pub(crate) fn each<T: Send>(&self, n: usize, one: impl Fn(usize) -> T + Send + Sync) -> Vec<T> {
        match &self.pool {
            None => (0..n).map(one).collect(),
            Some(pool) => pool.install(|| (0..n).into_par_iter().map(one).collect()),
        }
    }
}

/// Passes over one list with all matrices fixed.
struct Inference<'a, R, M> {
    examples: Examples<'a>,
    learner: Learner<'a>,
    own: *mut Lane,
    epochs: u32,
    rates: R,
    make: M,
}

impl<R: Fn(u32) -> f32, M: FnMut(&mut Examples<'_>)> Routine for Inference<'_, R, M> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(mut self) {
        for epoch in 0..self.epochs {
            self.learner.rate = (self.rates)(epoch);
            (self.make)(&mut self.examples);
            // SAFETY: the rows are those that `infer` was promised.
            unsafe { self.examples.infer::<S>(&mut self.learner, self.own) }
        }
    }
}

/// One thread's part of a pass.
struct Part<'a, M> {
    examples: Examples<'a>,
    learner: Learner<'a>,
    documents: &'a [u32],
    rates: Rates,
    next: &'a AtomicUsize,
    make: &'a M,
}

impl<M: Fn(u32, &mut Examples<'_>)> Routine for Part<'_, M> {
    type Output = Learnt;

    #[inline(always)]
    unsafe fn run<S: Simd>(mut self) -> Learnt {
        let (mut pairs, all) = (0, self.documents.len());
        loop {
            let from = self.next.fetch_add(CHUNK, Ordering::Relaxed).min(all);
            let chunk = &self.documents[from..(from + CHUNK).min(all)];
            if chunk.is_empty() {
                let loss = self.learner.loss;
                return Learnt { loss, pairs };
            }
            let Rates { first, last } = self.rates;
            self.learner.rate = first + (last - first) * (from as f32 / all as f32);
            for (left, document) in (0..chunk.len()).rev().zip(chunk) {
                (self.make)(*document, &mut self.examples);
                if left == 0 || self.examples.len() >= READY {
                    // SAFETY: the rows are those that `pass` was promised; several threads run on
                    // shared sets.
                    pairs += unsafe { self.examples.learn::<S>(&mut self.learner) };
                }
            }
        }
    }
}
