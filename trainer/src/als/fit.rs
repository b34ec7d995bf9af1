//! Iterations: items fixed and users solved, then the other way round.

use std::borrow::Cow;

use rayon::iter::{IndexedParallelIterator, ParallelIterator};
use rayon::slice::ParallelSliceMut;

use super::basis::{Basis, gramian};
use super::entries::Entries;
use super::factors::Factors;
use super::row::{Row, Scratch};
use crate::error::TrainerError;
use crate::lanes::{Instructions, Lane};

/// Rows that a thread takes at a time.
const ROWS: usize = 16;
/// A row of no more entries than this many for each step of conjugate gradient is cheaper solved
/// exactly: n²/2 against 2n products of vectors a step.
const SHORT: usize = 3;

/// What an entry says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Feedback {
    /// A count r, with confidence 1 + alpha·r that the row likes the column; at all other places
    /// confidence 1 that it does not.
    Implicit {
        /// Above 0.
        alpha: f32,
    },
    /// A rating; nothing is said of other places, and λ counts once for each rating of a row.
    Explicit,
}

/// How a row is solved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Solver {
    /// Exactly.
    Cholesky,
    /// By so many steps of conjugate gradient from the last iteration's solution; short rows exactly.
    Conjugate {
        /// At least 1.
        steps: usize,
    },
    /// So many factors at a time, once each, from the last iteration's solution (iALS++); rows of no
    /// more entries than that exactly.
    Blocks {
        /// At least 1.
        size: usize,
    },
}

/// What decides factors besides the entries.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Als {
    /// What an entry says.
    pub feedback: Feedback,
    /// λ, at least 0.
    pub regularization: f32,
    /// How a row is solved.
    pub solver: Solver,
}

/// Hears how many rows were solved, once for each block of them; its error ends the work.
pub type Watch<'a> = &'a (dyn Fn(usize) -> Result<(), TrainerError> + Sync);

/// Nobody listens.
pub const UNWATCHED: Watch<'static> = &|_| Ok(());

impl Als {
    /// Solves all rows of one side, on the pool of the calling thread. `entries`: rows of the solved
    /// side, columns of the fixed one.
    ///
    /// # Errors
    /// [`TrainerError::Data`] where factors are not independent and λ is 0, or an implicit entry is
    /// not above 0; [`TrainerError::Bug`] where sizes do not fit; those of `watch`.
    pub fn solve(
        &self,
        entries: &Entries,
        fixed: &Factors,
        solved: &mut Factors,
        watch: Watch<'_>,
    ) -> Result<(), TrainerError> {
        self.fix(Cow::Borrowed(fixed))?
            .solve(entries, solved, watch)
    }

    /// Makes ready what all rows of a side share, for as many solutions as are wanted.
    ///
    /// # Errors
    /// [`TrainerError::Data`] where factors are not independent and λ is 0.
    pub fn fix<'f>(&self, factors: Cow<'f, Factors>) -> Result<Fixed<'f>, TrainerError> {
        let basis = match self.feedback {
            Feedback::Implicit { .. } => {
                let lambda = f64::from(self.regularization);
                let basis = Basis::new(&gramian(&factors), factors.dim(), lambda)?;
                let z = basis.inside(&factors);
                Some((basis, z))
            }
            // Divided by λ·n a row's system has the same form: B is I.
            Feedback::Explicit => None,
        };
        Ok(Fixed {
            als: *self,
            factors,
            basis,
        })
    }
}

/// The side that is fixed while the other is solved.
pub struct Fixed<'f> {
    als: Als,
    factors: Cow<'f, Factors>,
    /// Where B is not I: the basis, and the factors in it.
    basis: Option<(Basis, Factors)>,
}

impl Fixed<'_> {
    /// The fixed side's factors.
    #[must_use]
    pub fn factors(&self) -> &Factors {
        &self.factors
    }

    /// As [`Als::solve`].
    ///
    /// # Errors
    /// As [`Als::solve`].
    pub fn solve(
        &self,
        entries: &Entries,
        solved: &mut Factors,
        watch: Watch<'_>,
    ) -> Result<(), TrainerError> {
        let fits = entries.rows() == solved.rows() && entries.columns() == self.factors.rows();
        if !fits || self.factors.dim() != solved.dim() {
            return Err(TrainerError::bug("factors of other sizes than the entries"));
        }
        let lambda = self.als.regularization;
        match (self.als.feedback, &self.basis) {
            (Feedback::Implicit { alpha }, Some((basis, z))) => {
                basis.enter(solved);
                let of = |_, v| (alpha * v, 1.0 + alpha * v);
                self.als.rows(entries, z, solved, watch, of)?;
                basis.leave(solved);
                Ok(())
            }
            _ => self
                .als
                .rows(entries, &self.factors, solved, watch, |n, v| {
                    let by = 1.0 / (lambda * n as f32);
                    (by, by * v)
                }),
        }
    }
}

impl Als {
    /// `of` makes w and c of a row's number of entries and one's value.
    fn rows(
        &self,
        entries: &Entries,
        z: &Factors,
        solved: &mut Factors,
        watch: Watch<'_>,
        of: impl Fn(usize, f32) -> (f32, f32) + Sync,
    ) -> Result<(), TrainerError> {
        let set = Instructions::best();
        let lanes = solved.lanes;
        let blocks = solved.values.par_chunks_mut(ROWS * lanes).enumerate();
        blocks.try_for_each_init(
            || (Scratch::default(), Vec::new(), Vec::new()),
            |(scratch, weights, targets), (block, xs)| {
                watch(xs.len() / lanes)?;
                for (at, x) in xs.chunks_exact_mut(lanes).enumerate() {
                    let (columns, values) = entries.row(block * ROWS + at);
                    weights.clear();
                    targets.clear();
                    for value in values {
                        let (weight, target) = of(values.len(), *value);
                        weights.push(weight);
                        targets.push(target);
                    }
                    let row = Row {
                        z,
                        columns,
                        weights,
                        targets,
                    };
                    self.row(&row, set, x, scratch)?;
                }
                Ok(())
            },
        )
    }

    fn row(
        &self,
        row: &Row<'_>,
        set: Instructions,
        x: &mut [Lane],
        scratch: &mut Scratch,
    ) -> Result<(), TrainerError> {
        if row.columns.is_empty() {
            x.fill(Lane::ZERO);
            return Ok(());
        }
        if !row.weights.iter().all(|w| *w > 0.0 && w.is_finite()) {
            let reason = "every entry must be above 0, and `alpha` and `regularization` as well";
            return Err(TrainerError::data("counts", reason));
        }
        let entries = row.columns.len();
        let solved = match self.solver {
            Solver::Conjugate { steps } if entries > SHORT * steps => {
                row.conjugate(set, steps, x, scratch);
                true
            }
            Solver::Blocks { size } if entries > size => row.blocks(size, x, scratch),
            _ => row.exact(x, scratch),
        };
        if solved {
            return Ok(());
        }
        let reason = "a row's system cannot be solved; raise `regularization`";
        Err(TrainerError::data("factors", reason))
    }
}
