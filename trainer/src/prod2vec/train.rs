//! The training loop of prod2vec: what happens after each step. All state is in [`State`]; a run
//! that stops anywhere and goes on from a checkpoint ends in the same bytes.

use std::time::Instant;

use pannier_feed::digest::Ledger;
use pannier_feed::reader::after;
use pannier_proto::feed::{FeedSpec, NoNoise, NoiseTable, PairWindow, mix};
use pannier_proto::spec::{Optimizer, Prod2vecParams, UpdateMode};
use pannier_proto::work::{EpochStall, StallLedger, WorkReportKind};

use crate::checkpoint::{Checkpoints, work_of};
use crate::epochs::Stalls;
use crate::error::TrainerError;
use crate::feed::FeedContext;
use crate::lanes::Instructions;
use crate::prod2vec::checkpoint::State;
use crate::prod2vec::kernel::Kernel;
use crate::prod2vec::model::Model;
use crate::prod2vec::pairs::Pairs;
use crate::prod2vec::prepare::{Preparation, Ready};
use crate::prod2vec::skip_gram::{SkipGram, SkipGramParams};
use crate::report::{Pace, Reporter};
use crate::sgns::{LossSum, Mode, Squares};
use crate::storage::Storage;
use crate::vocab::Vocab;

/// Goes up when the same work would give other weights.
const REVISION: u32 = 1;
/// Points of the loss curve.
const LOSS_POINTS: u64 = 200;

/// What is trained.
pub(crate) struct Training<'a> {
    pub params: &'a Prod2vecParams,
    pub seed: u64,
    pub feed: &'a FeedSpec,
    pub vocab: &'a Vocab,
    pub checkpoints: &'a str,
    /// Pairs are made here, not by executors.
    pub gathered: bool,
}

/// What came of it.
pub(crate) struct Trained {
    pub state: State,
    pub steps: u64,
    pub stall: StallLedger,
    /// The same by epoch.
    pub epochs: Vec<EpochStall>,
    /// Bytes of the feed that came over the wire.
    pub wire_bytes: u64,
    pub resumed_from: Option<(u64, u64)>,
}

impl Training<'_> {
    fn epochs(&self) -> u64 {
        u64::from(self.params.epochs)
    }

    fn fresh(&self) -> State {
        let model = Model::new(self.vocab.rows(), self.params.dim as usize, self.seed);
        let adagrad = self.params.optimizer == Optimizer::Adagrad;
        State {
            squares: adagrad.then(|| Squares::new(model.rows(), model.rows())),
            model,
            next: (0, 0),
            pairs: 0,
            ledger: Ledger::default(),
            loss: LossSum::default(),
        }
    }

    /// Trains from the newest checkpoint, or from the start, to the end.
    ///
    /// # Errors
    /// Those of the feed and the storage; [`TrainerError::Data`] where there is nothing to train on
    /// or the weights leave the numbers; [`TrainerError::Stopped`] when told to.
    pub(crate) fn run(
        &self,
        context: &FeedContext,
        storage: &Storage,
    ) -> Result<Trained, TrainerError> {
        let (reporter, steps) = (&context.reporter, self.feed.steps());
        if steps == 0 || self.params.dim == 0 {
            return Err(TrainerError::data(
                "feed",
                "it has no baskets; check weeks, split and checks of the spec",
            ));
        }
        let mut checkpoints = Checkpoints::new(
            storage.clone(),
            self.checkpoints.to_owned(),
            work_of(self.params, self.seed, self.feed, self.vocab, REVISION),
        );
        let taken_up: Option<State> = checkpoints.newest(reporter)?;
        let resumed_from = taken_up.as_ref().map(|state| state.next);
        let mut state = taken_up.unwrap_or_else(|| self.fresh());
        reporter.log(self.opening(state.next));
        let preparation = Preparation {
            noise: NoiseTable::new(&self.vocab.counts(), self.params.power)
                .map_err(|e: NoNoise| TrainerError::data("vocab", e.to_string()))?,
            negatives: self.drawn_ahead(),
            rows: self.vocab.rows(),
            seed: self.seed,
        };
        let mut stalls = Stalls::default();
        let feed = context.open(self.feed, state.next, self.epochs(), self.gathered)?;
        std::thread::scope(|scope| -> Result<(), TrainerError> {
            let mut ready = Ready::start(scope, feed, &preparation)?;
            let mut progress = Progress::new(self, steps);
            let learning = Learning::new(self, context.config.resolved_threads())?;
            while let Some(step) = ready.next(&mut stalls.all)? {
                context.go_on()?;
                let began = Instant::now();
                let global = step.epoch * steps + step.step;
                let rate = self.rate(global, steps) as f32;
                let loss = learning.step(&mut state, &step.pairs, rate, global)?;
                stalls.all.compute += began.elapsed().as_secs_f64();
                stalls.step(step.epoch, step.wire_bytes);
                state.loss.sum += loss.sum;
                state.loss.pairs += loss.pairs;
                state.pairs += step.pairs.len() as u64;
                state.ledger.add(&step.digest);
                state.next = after((step.epoch, step.step), steps);
                progress.step(
                    &mut state,
                    global,
                    step.pairs.len() as u64,
                    &stalls.all,
                    reporter,
                )?;
                ready.recycle(step);
                if self.checkpoint_due(state.next, global + 1) {
                    checkpoints.put(&state, global + 1, reporter)?;
                }
            }
            Ok(())
        })?;
        if state.pairs == 0 {
            let reason = "its baskets make not one pair; they need two known items, so lower prepare.min_item_baskets";
            return Err(TrainerError::data("feed", reason));
        }
        if !state.model.is_finite() {
            return Err(TrainerError::data(
                "params",
                "the weights are no longer numbers; lower learning_rate",
            ));
        }
        Ok(Trained {
            state,
            steps: steps * self.epochs(),
            stall: stalls.all,
            epochs: stalls.epochs,
            wire_bytes: stalls.wire_bytes,
            resumed_from,
        })
    }

    /// Negatives that are drawn for a pair before its step: where updates are in order, the thread
    /// that prepares pairs has the time.
    fn drawn_ahead(&self) -> usize {
        let params = self.params;
        if params.mode == UpdateMode::Fast || params.negatives_shared {
            return 0;
        }
        params.negatives as usize
    }

    fn opening(&self, (epoch, step): (u64, u64)) -> String {
        let (items, steps, epochs) = (
            self.vocab.items.len(),
            self.feed.steps(),
            self.params.epochs,
        );
        format!(
            "prod2vec: {items} items, {epochs} epochs of {steps} steps; from epoch {epoch} step {step}"
        )
    }

    /// Falls in a straight line over the steps of all epochs.
    fn rate(&self, global_step: u64, steps: u64) -> f64 {
        let done = global_step as f64 / (steps * self.epochs()) as f64;
        let (first, last) = (self.params.learning_rate, self.params.min_learning_rate);
        (first + (last - first) * done).max(last.min(first))
    }

    fn checkpoint_due(&self, next: (u64, u64), global_steps: u64) -> bool {
        let every = u64::from(self.params.checkpoint_steps);
        next.1 == 0 || (every > 0 && global_steps.is_multiple_of(every))
    }
}

/// How a step's pairs are learned.
enum Learning {
    /// One after another, each with negatives of its own that were drawn ahead.
    InOrder(Kernel),
    /// Negatives are drawn where they are used, and may be shared.
    SkipGram(SkipGram, u64),
}

impl Learning {
    fn new(training: &Training<'_>, threads: usize) -> Result<Self, TrainerError> {
        let params = training.params;
        if training.drawn_ahead() > 0 {
            return Ok(Self::InOrder(Kernel::new(Instructions::best())));
        }
        let how = SkipGramParams {
            // Window and items to keep are the feed's business.
            window: PairWindow::Basket,
            keep: Vec::new(),
            negatives: params.negatives as usize,
            negatives_shared: params.negatives_shared,
            power: params.power,
        };
        let mode = match params.mode {
            UpdateMode::Deterministic => Mode::Deterministic,
            UpdateMode::Fast => Mode::Fast { threads },
        };
        let skip_gram = SkipGram::new(&training.vocab.counts(), &how, mode)?;
        Ok(Self::SkipGram(skip_gram, training.seed))
    }

    fn step(
        &self,
        state: &mut State,
        pairs: &Pairs,
        rate: f32,
        global: u64,
    ) -> Result<LossSum, TrainerError> {
        let State { model, squares, .. } = state;
        let squares = squares.as_ref();
        match self {
            Self::InOrder(kernel) => kernel.train(model, squares, pairs, rate),
            Self::SkipGram(skip_gram, seed) => {
                let seed = mix(seed ^ mix(global ^ 0x736B_6970_6772_616D));
                let learnt = skip_gram.train_pairs(model, squares, pairs, rate, seed)?;
                Ok(learnt.loss)
            }
        }
    }
}

/// Reports of loss and progress.
struct Progress<'a> {
    training: &'a Training<'a>,
    steps: u64,
    pace: Pace,
    /// The stall ledger at the last point of the curve.
    stall: StallLedger,
}

impl<'a> Progress<'a> {
    fn new(training: &'a Training<'a>, steps: u64) -> Self {
        Self {
            training,
            steps,
            pace: Pace::new(),
            stall: StallLedger::default(),
        }
    }

    /// Points of the curve stand at the same global steps whatever was interrupted.
    fn step(
        &mut self,
        state: &mut State,
        global: u64,
        pairs: u64,
        stall: &StallLedger,
        reporter: &Reporter,
    ) -> Result<(), TrainerError> {
        let total = self.steps * self.training.epochs();
        let (done, every) = (global + 1, (total / LOSS_POINTS).max(1));
        if (done.is_multiple_of(every) || done == total) && state.loss.pairs > 0 {
            let loss = state.loss.sum / state.loss.pairs as f64;
            if !loss.is_finite() {
                return Err(TrainerError::data(
                    "params",
                    "the loss is no longer a number; lower learning_rate",
                ));
            }
            let learning_rate = self.training.rate(global, self.steps);
            let epoch = global / self.steps;
            reporter.send(WorkReportKind::Loss {
                epoch,
                step: global,
                loss,
                learning_rate,
                pairs: state.pairs,
                stall: stall.since(&self.stall),
            });
            self.stall = *stall;
            state.loss = LossSum::default();
        }
        if let Some(progress) = self
            .pace
            .tick(done, total, pairs, Some(stall.stall_share()))
        {
            reporter.send(progress);
        }
        Ok(())
    }
}
