//! prod2vec's steps over the pairs of a feed, one pair after another: the deterministic mode.

use crate::error::TrainerError;
use crate::lanes::{Instructions, Routine, Simd};
use crate::prod2vec::model::Model;
use crate::prod2vec::pairs::Pairs;
use crate::sgns::{LOSS_EVERY, Learner, LossSum, Sigmoid, Squares};

/// How many pairs ahead rows are asked for (measured: 2 is best from 4 thousand items up).
const AHEAD: usize = 2;

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

    /// Trains on all pairs in their order at one learning rate, by stochastic gradient descent, or
    /// with `squares` by Adagrad.
    ///
    /// # Errors
    /// [`TrainerError::Bug`] where pairs or squares were made for a model of another size.
    pub fn train(
        &self,
        model: &mut Model,
        squares: Option<&Squares>,
        pairs: &Pairs,
        rate: f32,
    ) -> Result<LossSum, TrainerError> {
        let rows = model.rows();
        if pairs.rows() != rows || !squares.is_none_or(|s| s.fit(rows, rows)) {
            let of = pairs.rows();
            return Err(TrainerError::bug(format!(
                "pairs for {of} rows, or squares, and a model of {rows}"
            )));
        }
        let learner = Learner::new(model.weights(squares), &self.sigmoid, rate);
        Ok(self.instructions.alone(Run { learner, pairs }))
    }
}

struct Run<'a> {
    learner: Learner<'a>,
    pairs: &'a Pairs,
}

impl Routine for Run<'_> {
    type Output = LossSum;

    #[inline(always)]
    unsafe fn run<S: Simd>(mut self) -> LossSum {
        for at in 0..self.pairs.len() {
            // SAFETY: `Pairs` holds only rows of the model, which is borrowed for this alone.
            unsafe {
                if at + AHEAD < self.pairs.len() {
                    let (center, context, negatives) = self.pairs.get(at + AHEAD);
                    self.learner.prefetch::<S>(&[center], &[context]);
                    self.learner.prefetch::<S>(&[], negatives);
                }
                let (center, context, negatives) = self.pairs.get(at);
                let measured = at.is_multiple_of(LOSS_EVERY);
                self.learner
                    .learn::<S>(&[center], &[context], negatives, measured);
            }
        }
        self.learner.loss
    }
}
