//! The training loop of cust2vec: reads all sequences, then goes over the users. All that changes is in
//! [`State`]; in the deterministic mode a run that stops anywhere ends in the same bytes.

use std::time::Instant;

use pannier_proto::feed::FeedSpec;
use pannier_proto::spec::{self, Cust2vecArchitecture, Optimizer, UpdateMode};
use pannier_proto::work::{StallLedger, WorkReportKind};

use super::checkpoint::State;
use super::read::{Read, read};
use super::steps::Architecture;
use super::train::{Cust2vec, Cust2vecParams};
use super::vectors::Vectors;
use crate::checkpoint::{Checkpoints, work_of};
use crate::epochs::Epochs;
use crate::error::TrainerError;
use crate::feed::FeedContext;
use crate::report::Pace;
use crate::sgns::Mode;
use crate::storage::Storage;
use crate::vocab::Vocab;

/// Goes up when the same work would give other weights.
const REVISION: u32 = 2;

/// What is trained.
pub(crate) struct Training<'a> {
    pub params: &'a spec::Cust2vecParams,
    pub seed: u64,
    /// Columns user_id, baskets, train.
    pub feed: &'a FeedSpec,
    pub vocab: &'a Vocab,
    pub checkpoints: &'a str,
}

/// What came of it.
pub(crate) struct Trained {
    pub read: Read,
    pub vectors: Vectors,
    /// Items that were gone over.
    pub items: u64,
    /// The time of reading, and of each epoch.
    pub epochs: Epochs,
    pub resumed_from: Option<(u64, u64)>,
}

/// The kernel of these params.
///
/// # Errors
/// Those of [`Cust2vec::new`].
pub(crate) fn kernel(
    params: &spec::Cust2vecParams,
    seed: u64,
    vocab: &Vocab,
    threads: usize,
) -> Result<Cust2vec, TrainerError> {
    let how = Cust2vecParams {
        architecture: match params.architecture {
            Cust2vecArchitecture::Dbow => Architecture::Bag {
                items: params.train_items,
            },
            Cust2vecArchitecture::Dm => Architecture::Memory,
            Cust2vecArchitecture::DmConcat => Architecture::Concat,
        },
        dim: params.dim as usize,
        window: params.window,
        negatives: params.negatives as usize,
        negatives_shared: params.negatives_shared,
        power: params.power,
        epochs: params.epochs,
        learning_rate: params.learning_rate as f32,
        min_learning_rate: params.min_learning_rate as f32,
        seed,
    };
    let mode = match params.mode {
        UpdateMode::Deterministic => Mode::Deterministic,
        UpdateMode::Fast => Mode::Fast { threads },
    };
    Cust2vec::new(&vocab.counts(), &how, mode)
}

/// What a score adds for each real item: SGNS is at its best where u·v = ln P(j | user) - ln P_n(j) - ln k
/// with noise P_n ∝ count^power (Levy and Goldberg 2014), so ln P(j | user) is u·v + power · ln count
/// and what is the same for all. An item without a count counts as half a basket.
pub(crate) fn priors(vocab: &Vocab, power: f64) -> Vec<f32> {
    let prior = |count: u64| (power * (count as f64).max(0.5).ln()) as f32;
    vocab.counts().into_iter().map(prior).collect()
}

impl Training<'_> {
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
        let reporter = &context.reporter;
        let read = read(context, self.feed, self.vocab.rows())?;
        let (users, total) = (read.documents.len(), u64::from(self.params.epochs));
        if users == 0 {
            let reason = "no known user bought anything in the training's part; check weeks, split and checks of the spec";
            return Err(TrainerError::data("sequences", reason));
        }
        let threads = context.config.resolved_threads();
        let kernel = kernel(self.params, self.seed, self.vocab, threads)?;
        let mut checkpoints = Checkpoints::new(
            storage.clone(),
            self.checkpoints.to_owned(),
            work_of(self.params, self.seed, self.feed, self.vocab, REVISION),
        );
        let taken_up: Option<State> = checkpoints.newest(reporter)?;
        let resumed_from = taken_up.as_ref().map(|state| (u64::from(state.done), 0));
        let adagrad = self.params.optimizer == Optimizer::Adagrad;
        let mut state = taken_up.unwrap_or_else(|| State {
            vectors: kernel.fresh(users),
            squares: adagrad.then(|| kernel.squares(users)),
            done: 0,
        });
        let items: u64 = read.documents.counts().iter().sum();
        reporter.log(format!(
            "cust2vec: {users} users with {items} items, {total} epochs; from epoch {}",
            state.done
        ));
        let mut epochs = Epochs::new(u64::from(state.done), read.reading.stall);
        let mut pace = Pace::new();
        while state.done < self.params.epochs {
            context.go_on()?;
            let began = Instant::now();
            let State {
                vectors,
                squares,
                done,
            } = &mut state;
            let learnt = kernel.epoch(vectors, squares.as_ref(), &read.documents, *done)?;
            *done += 1;
            let (epoch, done) = (u64::from(*done) - 1, u64::from(*done));
            epochs.book(epoch, began.elapsed().as_secs_f64());
            let loss = learnt.loss.sum / learnt.loss.pairs.max(1) as f64;
            if !loss.is_finite() || !vectors.is_finite() {
                let reason = "the weights are no longer numbers; lower learning_rate";
                return Err(TrainerError::data("params", reason));
            }
            reporter.send(WorkReportKind::Loss {
                epoch,
                step: done,
                loss,
                learning_rate: self.rate(done),
                pairs: done * items,
                stall: StallLedger::default(),
            });
            if let Some(progress) = pace.tick(done, total, items, None) {
                reporter.send(progress);
            }
            if self.checkpoint_due(done) {
                checkpoints.put(&state, done, reporter)?;
            }
        }
        Ok(Trained {
            read,
            vectors: state.vectors,
            items: items * total,
            epochs,
            resumed_from,
        })
    }

    /// After so many epochs.
    fn rate(&self, done: u64) -> f64 {
        let (first, last) = (self.params.learning_rate, self.params.min_learning_rate);
        first + (last - first) * done as f64 / f64::from(self.params.epochs)
    }

    fn checkpoint_due(&self, done: u64) -> bool {
        let every = u64::from(self.params.checkpoint_epochs);
        every > 0 && done.is_multiple_of(every)
    }
}
