//! The training loop of ALS: reads all counts, then solves users and items in turn. All that changes is
//! in [`State`]; a run that stops anywhere and goes on from a checkpoint ends in the same bytes.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use pannier_proto::feed::FeedSpec;
use pannier_proto::spec::{AlsFeedback, AlsParams, AlsSolver};
use pannier_proto::work::{StallLedger, TrialRow, WorkReportKind};
use rayon::ThreadPool;

use super::artifact::Learned;
use super::checkpoint::State;
use super::entries::Entries;
use super::factors::Factors;
use super::fit::{Als, Feedback, Solver, Watch};
use super::read::{Bought, bought};
use super::study::Study;
use crate::checkpoint::{Checkpoints, work_of};
use crate::epochs::Epochs;
use crate::error::TrainerError;
use crate::feed::FeedContext;
use crate::report::Pace;
use crate::storage::Storage;
use crate::vocab::Vocab;

/// Goes up when the same work would give other weights.
const REVISION: u32 = 1;
/// Points of the loss curve.
const LOSS_POINTS: u64 = 200;

/// What is trained.
pub(crate) struct Training<'a> {
    pub params: &'a AlsParams,
    pub seed: u64,
    /// Columns user_id, item_idx, count.
    pub feed: &'a FeedSpec,
    pub vocab: &'a Vocab,
    pub checkpoints: &'a str,
}

/// What came of it.
pub(crate) struct Trained {
    pub bought: Bought,
    /// Those that it was trained with in the end.
    pub params: AlsParams,
    /// What was tried first.
    pub trials: Vec<TrialRow>,
    users: Factors,
    items: Factors,
    /// The time of reading, and of each iteration.
    pub epochs: Epochs,
    pub resumed_from: Option<(u64, u64)>,
}

impl Trained {
    /// What goes into the artifact.
    pub(crate) fn learned(&self) -> Learned<'_> {
        Learned {
            names: &self.bought.users,
            users: &self.users,
            items: &self.items,
        }
    }
}

/// What the params say.
pub(crate) fn als(params: &AlsParams) -> Als {
    Als {
        feedback: match params.feedback {
            AlsFeedback::Implicit => Feedback::Implicit {
                alpha: params.alpha as f32,
            },
            AlsFeedback::Explicit => Feedback::Explicit,
        },
        regularization: params.regularization as f32,
        solver: match params.solver {
            AlsSolver::Cholesky => Solver::Cholesky,
            AlsSolver::Conjugate => Solver::Conjugate {
                steps: params.steps as usize,
            },
            AlsSolver::Blocks => Solver::Blocks {
                size: params.block as usize,
            },
        },
    }
}

/// How items begin.
pub(super) fn first_items(params: &AlsParams, items: usize, seed: u64) -> Factors {
    let dim = params.factors as usize;
    match params.feedback {
        AlsFeedback::Implicit => Factors::random(items, dim, seed),
        AlsFeedback::Explicit => Factors::positive(items, dim, seed),
    }
}

/// What the params say, with every row solved to the end: for users whose items are fixed.
pub(crate) fn exact(params: &AlsParams) -> Als {
    Als {
        solver: Solver::Cholesky,
        ..als(params)
    }
}

impl Training<'_> {
    fn fresh(&self, params: &AlsParams, entries: &Entries) -> State {
        let dim = params.factors as usize;
        State {
            users: Factors::zero(entries.rows(), dim),
            items: first_items(params, entries.columns(), self.seed),
            done: 0,
        }
    }

    /// Reads the counts, finds the best params where there is a study, and trains.
    ///
    /// # Errors
    /// Those of the feed and the storage; [`TrainerError::Data`] where there is nothing to train on
    /// or the factors leave the numbers; [`TrainerError::Stopped`] when told to.
    pub(crate) fn run(
        &self,
        context: &FeedContext,
        storage: &Storage,
    ) -> Result<Trained, TrainerError> {
        let bought = bought(context, self.feed, self.vocab.items.len())?;
        if bought.entries.is_empty() {
            let reason = "no known user bought anything in the training's part; check weeks, split and checks of the spec";
            return Err(TrainerError::data("counts", reason));
        }
        let pool = context.pool("als")?;
        let work = work_of(self.params, self.seed, self.feed, self.vocab, REVISION);
        let (params, trials) = match &self.params.study {
            None => (self.params.clone(), Vec::new()),
            Some(study) => {
                let study = Study {
                    params: self.params,
                    study,
                    seed: self.seed,
                    entries: &bought.entries,
                    file: format!("{}/study.json", self.checkpoints),
                    work: work.clone(),
                };
                pool.install(|| study.run(context, storage))?
            }
        };
        let mut checkpoints = Checkpoints::new(storage.clone(), self.checkpoints.to_owned(), work);
        let trained = self.fit(context, &pool, params, bought, &mut checkpoints)?;
        Ok(Trained { trials, ..trained })
    }

    /// Trains from the newest checkpoint, or from the start, to the end.
    fn fit(
        &self,
        context: &FeedContext,
        pool: &ThreadPool,
        params: AlsParams,
        bought: Bought,
        checkpoints: &mut Checkpoints<State>,
    ) -> Result<Trained, TrainerError> {
        let reporter = &context.reporter;
        let taken_up = checkpoints.newest(reporter)?;
        let resumed_from = taken_up.as_ref().map(|state| (state.done, 0));
        let mut state = taken_up.unwrap_or_else(|| self.fresh(&params, &bought.entries));
        reporter.log(self.opening(&params, &bought, state.done));
        let mut epochs = Epochs::new(state.done, bought.reading.stall);
        let across = bought.entries.transposed();
        let rounds = Rounds {
            params: &params,
            context,
            entries: &bought.entries,
            across: &across,
            done: AtomicU64::new(state.done * (bought.entries.rows() + across.rows()) as u64),
            untold: AtomicU64::new(0),
            pace: Mutex::new(Pace::new()),
        };
        while state.done < u64::from(params.iterations) {
            let began = Instant::now();
            pool.install(|| rounds.iterate(&mut state))?;
            epochs.book(state.done - 1, began.elapsed().as_secs_f64());
            if self.checkpoint_due(state.done) {
                checkpoints.put(&state, state.done, reporter)?;
            }
        }
        let State {
            mut users, items, ..
        } = state;
        // Users as these items have them, to the end: as anyone is solved who asks later.
        let watch: Watch<'_> = &|_| context.go_on();
        pool.install(|| exact(&params).solve(&bought.entries, &items, &mut users, watch))?;
        if !users.is_finite() || !items.is_finite() {
            let reason = "the factors are no longer numbers; raise regularization";
            return Err(TrainerError::data("params", reason));
        }
        Ok(Trained {
            bought,
            params,
            trials: Vec::new(),
            users,
            items,
            epochs,
            resumed_from,
        })
    }

    fn opening(&self, params: &AlsParams, bought: &Bought, done: u64) -> String {
        format!(
            "als: {} users, {} items, {} entries, {} iterations of {} factors; from iteration {done}",
            bought.users.len(),
            self.vocab.items.len(),
            bought.entries.len(),
            params.iterations,
            params.factors
        )
    }

    fn checkpoint_due(&self, done: u64) -> bool {
        let every = u64::from(self.params.checkpoint_iterations);
        every > 0 && done.is_multiple_of(every)
    }
}

/// Iterations, watched.
struct Rounds<'a> {
    params: &'a AlsParams,
    context: &'a FeedContext,
    entries: &'a Entries,
    across: &'a Entries,
    /// Rows solved, over all iterations.
    done: AtomicU64,
    /// Of them, those that were not told of yet.
    untold: AtomicU64,
    pace: Mutex<Pace>,
}

impl Rounds<'_> {
    /// Counts rows and tells of them.
    fn solved(&self, rows: usize) -> Result<(), TrainerError> {
        self.context.go_on()?;
        let done = self.done.fetch_add(rows as u64, Ordering::Relaxed) + rows as u64;
        self.untold.fetch_add(rows as u64, Ordering::Relaxed);
        let all = (self.entries.rows() + self.across.rows()) as u64;
        let total = all * u64::from(self.params.iterations);
        // Whoever finds it taken leaves the telling to the other.
        if let Ok(mut pace) = self.pace.try_lock() {
            let rows = self.untold.swap(0, Ordering::Relaxed);
            if let Some(progress) = pace.tick(done, total, rows, None) {
                self.context.reporter.send(progress);
            }
        }
        Ok(())
    }

    /// Users, then items; and what has come of it.
    fn iterate(&self, state: &mut State) -> Result<(), TrainerError> {
        let als = als(self.params);
        let watch: Watch<'_> = &|rows| self.solved(rows);
        let State { users, items, done } = state;
        als.solve(self.entries, items, users, watch)?;
        als.solve(self.across, users, items, watch)?;
        *done += 1;
        let iterations = u64::from(self.params.iterations);
        if !done.is_multiple_of(iterations.div_ceil(LOSS_POINTS)) && *done < iterations {
            return Ok(());
        }
        let loss = als.loss(self.entries, self.across, users, items);
        if !loss.is_finite() {
            let reason = "the loss is no longer a number; raise regularization";
            return Err(TrainerError::data("params", reason));
        }
        self.context.reporter.send(WorkReportKind::Loss {
            epoch: *done - 1,
            step: *done,
            loss,
            learning_rate: 0.0,
            pairs: *done * self.entries.len() as u64,
            stall: StallLedger::default(),
        });
        Ok(())
    }
}
