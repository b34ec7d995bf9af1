//! Performs steps: one file per kind. Each gives what it produced, and whether it was there.

mod check;
mod decisions;
mod evaluate;
mod feed;
mod lines;
mod lists;
mod metrics;
mod narrow;
pub mod profile;
mod publish;
mod report;
pub mod rows;
mod table;
mod work;

use pannier_proto::event::StepOutcome;

pub use lines::{LEFT_OUT, READ};
pub use report::write_ended;

use crate::driver::StepRun;
use crate::error::SchedulerError;
use crate::jobs::Jobs;
use crate::plan::StepKind;
use crate::store::Store;
use crate::trainers::Trainers;

/// What steps are performed with.
#[derive(Clone)]
pub struct StepContext {
    /// The record.
    pub store: Store,
    /// The cluster.
    pub jobs: Jobs,
    /// The trainers.
    pub trainers: Trainers,
}

/// Why a step is not done.
#[derive(Debug)]
pub enum StepFailure {
    /// Its process went away.
    Lost {
        /// What was seen.
        reason: String,
    },
    /// It went wrong.
    Error(SchedulerError),
}

impl<E: Into<SchedulerError>> From<E> for StepFailure {
    fn from(error: E) -> Self {
        Self::Error(error.into())
    }
}

/// What a step produced, and whether it was there already.
pub type StepResult = Result<(StepOutcome, bool), StepFailure>;

/// Performs a step.
pub async fn perform(run: &StepRun) -> StepResult {
    let Some(step) = run.record.plan.step(&run.step) else {
        return Err(SchedulerError::Failed(format!("the plan has no step {}", run.step)).into());
    };
    match &step.kind {
        StepKind::Generate { spec, dir } => table::generate(run, spec, dir).await,
        StepKind::Table(table) => table::make(run, table).await,
        StepKind::Checks { checks } => check::run_checks(run, checks).await,
        StepKind::Lines { raw, own } => lines::balance(run, raw, *own).await,
        StepKind::Feed { feed, columns } => feed::make(run, feed, columns).await,
        StepKind::Train(train) => work::train(run, train).await,
        StepKind::Predict {
            method,
            baseline,
            question,
        } => work::predict(run, method, baseline.as_ref(), *question).await,
        StepKind::Evaluate => evaluate::evaluate(run).await,
        StepKind::Publish { train, publish } => publish::publish(run, train, publish).await,
        StepKind::Recommend { train, recommend } => lists::recommend(run, train, recommend).await,
        StepKind::Lists(plan) => lists::predict(run, plan).await,
        StepKind::Segments { train, segments } => work::segments(run, train, segments).await,
        StepKind::Profile => profile::make(run).await,
        StepKind::Report => report::write(run).await,
    }
}
