//! The training loop of wide and deep: a step for each batch of the feed, a measure after each epoch. All
//! state is in the learner and the [`Course`]; a run that stops anywhere and goes on from a checkpoint
//! ends in the same bytes.

use std::time::Instant;

use pannier_feed::digest::{Ledger, of_step};
use pannier_feed::reader::{after, book_wait};
use pannier_proto::feed::{FeedSpec, mix};
use pannier_proto::spec::{ClassWeights, NeuralOptimizer, WideDeepParams};
use pannier_proto::work::{EpochStall, StallLedger, WorkReportKind};
use pannier_wide_deep::{Batch, Learner, Model, Named, Rates, Sizes};
use rayon::ThreadPool;

use super::artifact::Beside;
use super::state::{Course, State, ordered};
use crate::checkpoint::{Checkpoints, work_of};
use crate::decisions::batch::decisions;
use crate::decisions::measure::{Judged, Measured};
use crate::epochs::Stalls;
use crate::error::TrainerError;
use crate::feed::FeedContext;
use crate::neural::schedule::{Watched, rate};
use crate::report::Pace;
use crate::storage::Storage;
use crate::vocab::Vocab;

/// Goes up when the same work would give other weights.
const REVISION: u32 = 1;
/// Points of the loss curve.
const LOSS_POINTS: u64 = 200;
/// Share of decisions whose user is taken as unknown: in training all are known, later some are not.
const UNKNOWN_USERS: f64 = 0.05;

/// What is trained.
pub(crate) struct Training<'a> {
    pub params: &'a WideDeepParams,
    pub seed: u64,
    pub feed: &'a FeedSpec,
    pub valid: Option<&'a FeedSpec>,
    pub vocab: &'a Vocab,
    pub beside: &'a Beside,
    pub checkpoints: &'a str,
}

/// What came of it.
pub(crate) struct Trained {
    pub sizes: Sizes,
    /// Of the best epoch, or of the last.
    pub weights: Vec<Named>,
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
        let (reporter, steps) = (&context.reporter, self.feed.steps());
        if steps == 0 {
            return Err(nothing());
        }
        let valid = self.valid.map(FeedSpec::digest);
        let what = (self.params, valid, &self.beside.users.digest);
        let work = work_of(&what, self.seed, self.feed, self.vocab, REVISION);
        let mut checkpoints = Checkpoints::new(storage.clone(), self.checkpoints.to_owned(), work);
        let taken_up: Option<State> = checkpoints.newest(reporter)?;
        let resumed_from = taken_up.as_ref().map(|state| state.course.next);
        let pool = context.pool("neural")?;
        let (mut learner, mut course) = self.begin(context, taken_up)?;
        reporter.log(self.opening(&learner, course.next));
        let (mut stalls, mut pace) = (Stalls::default(), Pace::new());
        let mut at_point = StallLedger::default();
        let epochs = u64::from(self.params.epochs);
        let mut feed = context.open(self.feed, course.next, epochs, false)?;
        while !course.watched.stopped
            && let Some((step, wait)) = feed.next_blocking()?
        {
            context.go_on()?;
            book_wait(&mut stalls.all, wait, step.spent);
            let began = Instant::now();
            let batch = decisions(&step.batch, &self.params.context)?;
            let digest = of_step(step.epoch, step.step, &step.batch)?;
            course.ledger.add(&digest);
            stalls.all.decode += began.elapsed().as_secs_f64();
            let began = Instant::now();
            let global = step.epoch * steps + step.step;
            self.learn(&mut learner, &mut course, &batch, (global, &pool))?;
            stalls.all.compute += began.elapsed().as_secs_f64();
            stalls.step(step.epoch, step.wire_bytes);
            course.next = after((step.epoch, step.step), steps);
            let rate = rate(self.params, global, self.total(), course.watched.factor);
            let since = stalls.all.since(&at_point);
            if let Some(point) = self.point(&mut course, global, rate, since)? {
                reporter.send(point);
                at_point = stalls.all;
            }
            let share = Some(stalls.all.stall_share());
            let rows = batch.labels.len() as u64;
            if let Some(progress) = pace.tick(global + 1, self.total(), rows, share) {
                reporter.send(progress);
            }
            if course.next.1 == 0 {
                let began = Instant::now();
                self.end_of_epoch(&learner, &mut course, step.epoch, (context, &pool))?;
                stalls.all.compute += began.elapsed().as_secs_f64();
            }
            let every = u64::from(self.params.checkpoint_steps);
            if course.next.1 == 0 || every > 0 && (global + 1).is_multiple_of(every) {
                let state = State {
                    kept: learner.kept(),
                    course: course.clone(),
                };
                checkpoints.put(&state, global + 1, reporter)?;
            }
        }
        self.trained(&learner, course, stalls, resumed_from)
    }

    /// The learner and its course: of a checkpoint, or new.
    fn begin(
        &self,
        context: &FeedContext,
        taken_up: Option<State>,
    ) -> Result<(Learner, Course), TrainerError> {
        let sizes = self.beside.sizes(self.params)?;
        let first = sizes.first(self.seed);
        let Some(state) = taken_up else {
            let course = Course {
                next: (0, 0),
                examples: 0,
                loss: (0.0, 0),
                classes: self.classes(context)?,
                watched: Watched::NEW,
                best: None,
                ledger: Ledger::default(),
            };
            return Ok((Learner::new(sizes, &first, course.classes)?, course));
        };
        let mut course = state.course;
        course.best = course.best.map(|best| ordered(best, &sizes));
        let mut learner = Learner::new(sizes, &first, course.classes)?;
        learner.resume(&state.kept)?;
        Ok((learner, course))
    }

    /// What a decision weighs that was not bought, and one that was: n / (2 · n_c) by the first epoch's,
    /// 1 where all were decided alike.
    fn classes(&self, context: &FeedContext) -> Result<[f32; 2], TrainerError> {
        if self.params.class_weights == ClassWeights::None {
            return Ok([1.0; 2]);
        }
        let (mut all, mut bought) = (0u64, 0u64);
        let mut feed = context.open(self.feed, (0, 0), 1, false)?;
        while let Some((step, _)) = feed.next_blocking()? {
            context.go_on()?;
            let batch = decisions(&step.batch, &[])?;
            all += batch.labels.len() as u64;
            bought += batch.labels.iter().filter(|label| **label > 0.5).count() as u64;
        }
        if bought == 0 || bought == all {
            return Ok([1.0; 2]);
        }
        let of = |class: u64| (all as f64 / (2.0 * class as f64)) as f32;
        Ok([of(all - bought), of(bought)])
    }

    fn learn(
        &self,
        learner: &mut Learner,
        course: &mut Course,
        batch: &Batch,
        (global, pool): (u64, &ThreadPool),
    ) -> Result<(), TrainerError> {
        let (params, rows) = (self.params, batch.labels.len() as u64);
        if rows == 0 {
            return Ok(());
        }
        let apart = params.optimizer == NeuralOptimizer::AdamW;
        let how = Rates {
            rate: rate(params, global, self.total(), course.watched.factor),
            decay: if apart { params.weight_decay } else { 0.0 },
            l2: if apart { 0.0 } else { params.weight_decay },
            clip_norm: params.clip_norm,
            dropout: params.dropout,
            unknown_users: UNKNOWN_USERS,
            seed: mix(self.seed ^ mix(global ^ 0x7769_6465)),
        };
        let loss = pool.install(|| learner.step(batch, &how))?;
        course.loss.0 += loss * rows as f64;
        course.loss.1 += rows;
        course.examples += rows;
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

    /// Measures on the validation's decisions, where there are any.
    fn end_of_epoch(
        &self,
        learner: &Learner,
        course: &mut Course,
        epoch: u64,
        (context, pool): (&FeedContext, &ThreadPool),
    ) -> Result<(), TrainerError> {
        let Some(valid) = self.valid else {
            return Ok(());
        };
        let weights = pool.install(|| learner.weights());
        let sizes = learner.sizes().clone();
        let model = pool.install(|| Model::new(sizes, &weights))?;
        let weighted = (learner.offset(), course.classes);
        let measured = self.measure(&model, weighted, valid, (context, pool))?;
        if measured.decisions == 0 {
            return Ok(());
        }
        context.reporter.log(measured.line(epoch));
        let watched = measured.watched(self.params.watch);
        if course.watched.epoch(self.params, epoch, watched) {
            course.best = Some(weights);
        }
        Ok(())
    }

    /// As the training sees it: logits and losses weighted by class.
    fn measure(
        &self,
        model: &Model,
        (offset, classes): (f32, [f32; 2]),
        valid: &FeedSpec,
        (context, pool): (&FeedContext, &ThreadPool),
    ) -> Result<Measured, TrainerError> {
        let mut judged = Judged::default();
        let mut feed = context.open(valid, (0, 0), 1, false)?;
        while let Some((step, _)) = feed.next_blocking()? {
            context.go_on()?;
            let batch = decisions(&step.batch, &self.params.context)?;
            let mut logits = pool.install(|| model.logits(batch.rows()))?;
            logits.iter_mut().for_each(|z| *z -= offset);
            judged.add(&logits, &batch.labels, classes);
        }
        Ok(judged.measured())
    }

    fn trained(
        &self,
        learner: &Learner,
        mut course: Course,
        stalls: Stalls,
        resumed_from: Option<(u64, u64)>,
    ) -> Result<Trained, TrainerError> {
        if course.examples == 0 {
            return Err(nothing());
        }
        let weights = match course.best.take() {
            Some(best) => best,
            None => learner.weights(),
        };
        let mut numbers = weights.iter().flat_map(|named| &named.numbers);
        if !numbers.all(|x| x.is_finite()) {
            let reason = "the weights are no longer numbers; lower learning_rate";
            return Err(TrainerError::data("params", reason));
        }
        let (epoch, step) = course.next;
        Ok(Trained {
            sizes: learner.sizes().clone(),
            weights,
            steps: epoch * self.feed.steps() + step,
            course,
            stall: stalls.all,
            epochs: stalls.epochs,
            wire_bytes: stalls.wire_bytes,
            resumed_from,
        })
    }

    fn opening(&self, learner: &Learner, (epoch, step): (u64, u64)) -> String {
        let Sizes {
            items,
            users,
            categories,
            ..
        } = learner.sizes();
        let (steps, epochs) = (self.feed.steps(), self.params.epochs);
        format!(
            "wide-and-deep: {items} items, {users} users, {categories} categories, {epochs} epochs of {steps} steps; from epoch {epoch} step {step}"
        )
    }
}

fn nothing() -> TrainerError {
    let reason = "there are no train decisions; check weeks, split and prepare.min_item_baskets";
    TrainerError::data("feed", reason)
}
