//! The training loop of the attention LSTM: a step for each batch of the feed, a measure after each
//! epoch. All state is in the learner and the [`Course`]; a run that stops anywhere and goes on from
//! a checkpoint ends in the same bytes.

use std::sync::Arc;
use std::time::Instant;

use pannier_feed::digest::{Ledger, of_step};
use pannier_feed::reader::{after, book_wait};
use pannier_proto::feed::{FeedSpec, mix};
use pannier_proto::spec::{AttentionLstmParams, BasketLoss, NeuralOptimizer};
use pannier_proto::work::{EpochStall, StallLedger, WorkReportKind};
use rayon::ThreadPool;

use super::artifact::{gain, sizes};
use super::batch::{Batch, Limits, users};
use super::device::{Learns, learner};
use super::learner::Rates;
use super::measure::measure;
use super::neighbours::Neighbours;
use super::schedule::{Watched, rate};
use super::score::Scorer;
use super::sizes::{BIAS, Named, Sizes};
use super::state::{Course, State};
use crate::checkpoint::{Checkpoints, work_of};
use crate::device::Device;
use crate::epochs::Stalls;
use crate::error::TrainerError;
use crate::feed::FeedContext;
use crate::next_basket::Sequences;
use crate::report::Pace;
use crate::storage::Storage;
use crate::vocab::Vocab;

/// Goes up when the same work would give other weights.
const REVISION: u32 = 2;
/// Points of the loss curve.
const LOSS_POINTS: u64 = 200;
/// Items of a basket that the first biases are made for.
const BASKET: f64 = 8.0;

/// What is trained.
pub(crate) struct Training<'a> {
    pub params: &'a AttentionLstmParams,
    pub seed: u64,
    pub feed: &'a FeedSpec,
    pub valid: Option<&'a FeedSpec>,
    /// All users' baskets, where neighbours have a say.
    pub sequences: Option<&'a FeedSpec>,
    pub vocab: &'a Vocab,
    pub checkpoints: &'a str,
    /// Sequences are cut here, not by executors.
    pub gathered: bool,
}

/// What came of it.
pub(crate) struct Trained {
    /// Of the best epoch, or of the last.
    pub weights: Vec<Named>,
    /// Those who have a say in it.
    pub neighbours: Option<Arc<Neighbours>>,
    pub course: Course,
    pub steps: u64,
    pub stall: StallLedger,
    /// The same by epoch.
    pub epochs: Vec<EpochStall>,
    /// Bytes of the feed that came over the wire.
    pub wire_bytes: u64,
    pub resumed_from: Option<(u64, u64)>,
}

impl Training<'_> {
    fn total(&self) -> u64 {
        self.feed.steps() * u64::from(self.params.epochs)
    }

    fn sizes(&self) -> Sizes {
        sizes(self.params, self.vocab.items.len())
    }

    fn limits(&self) -> Limits {
        limits(self.params)
    }

    /// Trains from the newest checkpoint, or from the start, to the end.
    ///
    /// # Errors
    /// Those of the feed and the storage; [`TrainerError::Data`] where there is nothing to train on
    /// or the loss leaves the numbers; [`TrainerError::Stopped`] when told to.
    pub(crate) fn run(
        &self,
        context: &FeedContext,
        storage: &Storage,
    ) -> Result<Trained, TrainerError> {
        let (reporter, steps, sizes) = (&context.reporter, self.feed.steps(), self.sizes());
        if steps == 0 {
            return Err(nothing());
        }
        let what = (
            self.params,
            self.valid.map(FeedSpec::digest),
            self.sequences.map(FeedSpec::digest),
        );
        let work = work_of(&what, self.seed, self.feed, self.vocab, REVISION);
        let mut checkpoints = Checkpoints::new(storage.clone(), self.checkpoints.to_owned(), work);
        let taken_up: Option<State> = checkpoints.newest(reporter)?;
        let resumed_from = taken_up.as_ref().map(|state| state.course.next);
        let pool = context.pool("neural")?;
        let (mut learner, mut course) = self.begin(context, taken_up)?;
        let around = pool.install(|| self.neighbours(context))?;
        reporter.log(self.opening(course.next, context.config.device));
        let (mut stalls, mut pace) = (Stalls::default(), Pace::new());
        let mut at_point = StallLedger::default();
        let epochs = u64::from(self.params.epochs);
        let mut feed = context.open(self.feed, course.next, epochs, self.gathered)?;
        while !course.watched.stopped
            && let Some((step, wait)) = feed.next_blocking()?
        {
            context.go_on()?;
            book_wait(&mut stalls.all, wait, step.spent);
            let began = Instant::now();
            let users = users(&step.batch, self.limits())?;
            let gain = gain(self.params);
            let batch = pool.install(|| sizes.batch_of_users(&users, (around.as_deref(), gain)))?;
            course
                .ledger
                .add(&of_step(step.epoch, step.step, &step.batch)?);
            stalls.all.decode += began.elapsed().as_secs_f64();
            let began = Instant::now();
            let global = step.epoch * steps + step.step;
            self.learn(&mut *learner, &mut course, &batch, (global, &pool))?;
            stalls.all.compute += began.elapsed().as_secs_f64();
            stalls.step(step.epoch, step.wire_bytes);
            course.next = after((step.epoch, step.step), steps);
            let rate = rate(self.params, global, self.total(), course.watched.factor);
            if let Some(point) =
                self.point(&mut course, global, rate, stalls.all.since(&at_point))?
            {
                reporter.send(point);
                at_point = stalls.all;
            }
            let share = Some(stalls.all.stall_share());
            let rows = batch.users() as u64;
            if let Some(progress) = pace.tick(global + 1, self.total(), rows, share) {
                reporter.send(progress);
            }
            if course.next.1 == 0 {
                let began = Instant::now();
                let scorer = Scorer::of(self.params, learner.ranks()?, around.clone());
                let learner = &mut *learner;
                self.end_of_epoch((learner, scorer), &mut course, step.epoch, (context, &pool))?;
                stalls.all.compute += began.elapsed().as_secs_f64();
            }
            let every = u64::from(self.params.checkpoint_steps);
            if course.next.1 == 0 || every > 0 && (global + 1).is_multiple_of(every) {
                let state = State {
                    sizes,
                    kept: learner.kept()?,
                    weights: learner.weights()?,
                    course: course.clone(),
                };
                checkpoints.put(&state, global + 1, reporter)?;
            }
        }
        self.trained(learner, course, (stalls, around), resumed_from)
    }

    /// Users that others are compared with, where these have a say.
    fn neighbours(&self, context: &FeedContext) -> Result<Option<Arc<Neighbours>>, TrainerError> {
        if self.params.neighbours == 0 {
            return Ok(None);
        }
        let sequences = self.sequences.ok_or_else(|| {
            TrainerError::bug("a model with neighbours was given no feed of all users")
        })?;
        let sequences = Sequences::read(context, sequences, self.vocab.rows())?;
        let (limits, items) = (self.limits(), self.vocab.items.len());
        let neighbours = Neighbours::learn(&sequences, self.params, limits, items);
        Ok(Some(Arc::new(neighbours)))
    }

    /// The learner and its course: of a checkpoint, or new.
    fn begin(
        &self,
        context: &FeedContext,
        taken_up: Option<State>,
    ) -> Result<(Box<dyn Learns>, Course), TrainerError> {
        let (sizes, device) = (self.sizes(), context.config.device);
        let balance = match self.params.loss {
            BasketLoss::Bce | BasketLoss::Softmax => None,
            BasketLoss::BalancedBce => Some(self.balance(context)?),
        };
        let Some(state) = taken_up else {
            let course = Course {
                next: (0, 0),
                examples: 0,
                loss: (0.0, 0),
                watched: Watched::NEW,
                best: None,
                ledger: Ledger::default(),
            };
            let first = self.first(&sizes);
            return Ok((learner(device, sizes, first, balance)?, course));
        };
        let mut learner = learner(device, sizes, state.weights, balance)?;
        learner.resume(state.kept)?;
        Ok((learner, state.course))
    }

    /// The first weights. Biases of the output begin where a basket of some items, drawn by
    /// popularity, would have them; balanced, all items are as likely as not.
    fn first(&self, sizes: &Sizes) -> Vec<Named> {
        let mut weights = sizes.first(self.seed);
        let counts = self.vocab.counts();
        let all: f64 = counts.iter().map(|count| *count as f64 + 1.0).sum();
        if let Some(bias) = weights
            .iter_mut()
            .find(|named| named.name == BIAS && self.params.loss != BasketLoss::BalancedBce)
        {
            for (bias, count) in bias.numbers.iter_mut().zip(&counts) {
                let chance = (BASKET * (*count as f64 + 1.0) / all).min(0.5);
                *bias = (chance / (1.0 - chance)).ln() as f32;
            }
        }
        weights
    }

    /// Each item's weights where it was not bought and where it was, n / (2 · nₛ) by the first epoch's
    /// targets; 1 where a side has none.
    fn balance(&self, context: &FeedContext) -> Result<Vec<[f32; 2]>, TrainerError> {
        let mut counts = vec![0u64; self.vocab.items.len()];
        let mut all = 0u64;
        let mut feed = context.open(self.feed, (0, 0), 1, self.gathered)?;
        while let Some((step, _)) = feed.next_blocking()? {
            context.go_on()?;
            let targets = users(&step.batch, self.limits())?.targets;
            all += targets.len() as u64;
            for item in targets.iter().flatten() {
                if let Some(count) = counts.get_mut(*item as usize) {
                    *count += 1;
                }
            }
        }
        let weight = |side: u64| match side {
            0 => 1.0,
            side => (all as f64 / (2.0 * side as f64)) as f32,
        };
        let of = |count: &u64| match *count {
            0 => [1.0, 1.0],
            count if count == all => [1.0, 1.0],
            count => [weight(all - count), weight(count)],
        };
        Ok(counts.iter().map(of).collect())
    }

    fn learn(
        &self,
        learner: &mut dyn Learns,
        course: &mut Course,
        batch: &Batch,
        (global, pool): (u64, &ThreadPool),
    ) -> Result<(), TrainerError> {
        // A step whose users have no real items teaches nothing.
        if batch.users() == 0 {
            return Ok(());
        }
        let params = self.params;
        let apart = params.optimizer == NeuralOptimizer::AdamW;
        let how = Rates {
            rate: rate(params, global, self.total(), course.watched.factor),
            decay: if apart { params.weight_decay } else { 0.0 },
            l2: if apart { 0.0 } else { params.weight_decay },
            clip_norm: params.clip_norm,
            dropout: params.dropout,
            recurrent_dropout: params.recurrent_dropout,
            seed: mix(self.seed ^ mix(global ^ 0x6E65_7572_616C)),
        };
        let loss = pool.install(|| learner.step(batch, &how))?;
        course.loss.0 += loss * batch.users() as f64;
        course.loss.1 += batch.users() as u64;
        course.examples += batch.users() as u64;
        Ok(())
    }

    /// A point of the loss curve, where one is due: at the same global steps whatever was interrupted.
    fn point(
        &self,
        course: &mut Course,
        global: u64,
        learning_rate: f64,
        stall: StallLedger,
    ) -> Result<Option<WorkReportKind>, TrainerError> {
        let (done, every) = (global + 1, (self.total() / LOSS_POINTS).max(1));
        let due = done.is_multiple_of(every) || done == self.total();
        let (sum, examples) = course.loss;
        if !due || examples == 0 {
            return Ok(None);
        }
        let loss = sum / examples as f64;
        if !loss.is_finite() {
            let reason = "the loss is no longer a number; lower learning_rate";
            return Err(TrainerError::data("params", reason));
        }
        course.loss = (0.0, 0);
        Ok(Some(WorkReportKind::Loss {
            epoch: global / self.feed.steps(),
            step: global,
            loss,
            learning_rate,
            pairs: course.examples,
            stall,
        }))
    }

    /// Measures on the validation's baskets, where there are any.
    fn end_of_epoch(
        &self,
        (learner, scorer): (&mut dyn Learns, Scorer),
        course: &mut Course,
        epoch: u64,
        (context, pool): (&FeedContext, &ThreadPool),
    ) -> Result<(), TrainerError> {
        let Some(valid) = self.valid else {
            return Ok(());
        };
        let k = self.params.k;
        let around = (context, pool, self.gathered);
        let measured = measure(&scorer, valid, self.limits(), k as usize, around)?;
        drop(scorer);
        if measured.users == 0 {
            return Ok(());
        }
        context.reporter.log(measured.line(epoch, k));
        let watched = measured.watched(self.params.watch);
        if course.watched.epoch(self.params, epoch, watched) {
            course.best = Some(learner.weights()?);
        }
        Ok(())
    }

    fn trained(
        &self,
        mut learner: Box<dyn Learns>,
        mut course: Course,
        (stalls, neighbours): (Stalls, Option<Arc<Neighbours>>),
        resumed_from: Option<(u64, u64)>,
    ) -> Result<Trained, TrainerError> {
        if course.examples == 0 {
            return Err(nothing());
        }
        let weights = match course.best.take() {
            Some(best) => best,
            None => learner.weights()?,
        };
        if !weights
            .iter()
            .flat_map(|w| &w.numbers)
            .all(|x| x.is_finite())
        {
            let reason = "the weights are no longer numbers; lower learning_rate";
            return Err(TrainerError::data("params", reason));
        }
        let (epoch, step) = course.next;
        Ok(Trained {
            weights,
            neighbours,
            steps: epoch * self.feed.steps() + step,
            course,
            stall: stalls.all,
            epochs: stalls.epochs,
            wire_bytes: stalls.wire_bytes,
            resumed_from,
        })
    }

    fn opening(&self, (epoch, step): (u64, u64), device: Device) -> String {
        let (items, steps) = (self.vocab.items.len(), self.feed.steps());
        let epochs = self.params.epochs;
        format!(
            "attention-lstm: {items} items, {epochs} epochs of {steps} steps on {device}; from epoch {epoch} step {step}"
        )
    }
}

/// Which baskets of a history count.
pub(crate) fn limits(params: &AttentionLstmParams) -> Limits {
    Limits {
        basket: params.max_basket as usize,
        history: params.max_history as usize,
    }
}

fn nothing() -> TrainerError {
    let reason = "no user has a basket with another before it; check weeks, split and prepare.min_item_baskets";
    TrainerError::data("feed", reason)
}
