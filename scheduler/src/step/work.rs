//! Steps that a trainer performs: training and prediction. The scheduler writes down what the
//! feeds are, hands the work out, and passes on what the trainer reports.

use pannier_proto::event::{RunEventKind, StepOutcome};
use pannier_proto::feed::{FeedSpec, PairWindow, Transform};
use pannier_proto::ids::FIRST_ITEM;
use pannier_proto::manifest::TableManifest;
use pannier_proto::objects;
use pannier_proto::spec::{BaselineModel, ModelSpec, TrainSpec, WindowSpec};
use pannier_proto::work::{Predictor, Work, WorkKind, WorkReportKind};
use tokio::sync::mpsc::UnboundedReceiver;

use super::{StepFailure, StepResult, check};
use crate::driver::StepRun;
use crate::error::SchedulerError;
use crate::neighbours;
use crate::trainers::AttemptEvent;

/// Places written for each query: enough for every metric asked for.
pub const TOP: u32 = 100;
/// Rows that a window of the feed holds at least.
const WINDOW_ROWS: u64 = 65_536;
/// Rows of a step where nothing is learned from them.
const SELECT_ROWS: u64 = 4096;

/// Trains a model.
pub async fn train(run: &StepRun, train: &TrainSpec) -> StepResult {
    let ModelSpec::Prod2vec(params) = &train.model;
    let plan = &run.record.plan;
    let model = plan.model_name(&train.name);
    let version = run
        .context
        .store
        .reserve_version(&model, &run.record.run_id)?;
    let vocab = check::manifest(run, "vocab").await?;
    let feed = training_feed(run, train).await?;
    put_feed(run, &feed).await?;
    let kind = WorkKind::TrainProd2vec {
        params: params.clone(),
        seed: plan.spec.seed,
        feed,
        vocab: objects::table_manifest("vocab", &vocab.version),
        checkpoints: objects::checkpoints(&run.record.run_id, &train.name),
        artifact: objects::artifact_dir(&model, version),
    };
    lease(run, kind).await
}

/// Ranks the catalogue for every query.
pub async fn predict(run: &StepRun, method: &str, baseline: Option<BaselineModel>) -> StepResult {
    let plan = &run.record.plan;
    let predictor = match baseline {
        Some(BaselineModel::Popularity) => Predictor::Popularity,
        Some(BaselineModel::CoOccurrence) => {
            let baskets = select_feed(
                &check::manifest(run, "train_baskets").await?,
                &["items"],
                plan.spec.seed,
            );
            put_feed(run, &baskets).await?;
            Predictor::CoOccurrence { baskets }
        }
        None => {
            let model = plan.model_name(method);
            let version = run
                .context
                .store
                .reserve_version(&model, &run.record.run_id)?;
            Predictor::Prod2vec {
                artifact: objects::artifact_dir(&model, version),
            }
        }
    };
    let queries = select_feed(
        &check::manifest(run, "queries").await?,
        &["query_id", "items"],
        plan.spec.seed,
    );
    put_feed(run, &queries).await?;
    let vocab = check::manifest(run, "vocab").await?;
    let kind = WorkKind::Predict {
        predictor,
        queries,
        vocab: objects::table_manifest("vocab", &vocab.version),
        top: TOP,
        output: objects::predictions(&run.record.run_id, method),
    };
    lease(run, kind).await
}

/// The feed that a training reads: a function of its params and of the tables' versions.
pub async fn training_feed(run: &StepRun, train: &TrainSpec) -> Result<FeedSpec, StepFailure> {
    let ModelSpec::Prod2vec(params) = &train.model;
    let baskets = check::manifest(run, "train_baskets").await?;
    let keep = if params.subsample > 0.0 {
        let counts = neighbours::counts(
            run.context.jobs.warehouse(),
            &check::manifest(run, "vocab").await?,
        )
        .await?;
        keep_chances(&counts, params.subsample)
    } else {
        Vec::new()
    };
    let window = match params.window {
        WindowSpec::Items(n) => PairWindow::Items(n),
        WindowSpec::Basket => PairWindow::Basket,
    };
    Ok(FeedSpec {
        table: baskets.table.clone(),
        version: baskets.version.clone(),
        columns: vec!["items".into()],
        transform: Transform::Pairs {
            window,
            first_item: FIRST_ITEM,
            keep,
        },
        seed: run.record.plan.spec.seed,
        shuffle: true,
        batch_rows: u64::from(params.batch_baskets),
        window_rows: WINDOW_ROWS,
        row_groups: baskets.row_groups(),
    })
}

/// word2vec's chance to keep an item of relative frequency f: sqrt(t/f) + t/f (Mikolov et al.'s
/// C code; the paper's formula lacks the second term), in 1/2^32.
fn keep_chances(counts: &[u64], threshold: f64) -> Vec<u32> {
    let total: f64 = counts.iter().map(|c| *c as f64).sum();
    let chance = |count: &u64| {
        if *count == 0 {
            return u32::MAX;
        }
        let ratio = threshold * total / *count as f64;
        ((ratio.sqrt() + ratio).min(1.0) * f64::from(u32::MAX)) as u32
    };
    counts.iter().map(chance).collect()
}

fn select_feed(table: &TableManifest, columns: &[&str], seed: u64) -> FeedSpec {
    FeedSpec {
        table: table.table.clone(),
        version: table.version.clone(),
        columns: columns.iter().map(|c| (*c).to_owned()).collect(),
        transform: Transform::Select,
        seed,
        shuffle: false,
        batch_rows: SELECT_ROWS,
        window_rows: WINDOW_ROWS,
        row_groups: table.row_groups(),
    }
}

/// Writes a feed down under its digest, where executors find it.
async fn put_feed(run: &StepRun, feed: &FeedSpec) -> Result<(), StepFailure> {
    run.context
        .jobs
        .warehouse()
        .put_json_if_absent(&objects::feed(&feed.digest()), feed)
        .await?;
    Ok(())
}

/// Hands work to a trainer and waits for its end.
async fn lease(run: &StepRun, kind: WorkKind) -> StepResult {
    let work = Work {
        attempt_id: uuid::Uuid::new_v4().to_string(),
        run_id: run.record.run_id.clone(),
        step: run.step.clone(),
        attempt: run.attempt,
        warehouse: run.context.jobs.warehouse().root(),
        feeds: Vec::new(),
        kind,
    };
    let attempt_id = work.attempt_id.clone();
    if run.context.trainers.count() == 0 {
        run.tell(RunEventKind::Log {
            step: run.step.clone(),
            text: "waits for a trainer".into(),
        });
    }
    let events = run.context.trainers.submit(work);
    let result = follow(run, &attempt_id, events).await;
    if run.cancel.is_cancelled() {
        run.context.trainers.cancel(&attempt_id);
    }
    result
}

async fn follow(
    run: &StepRun,
    attempt_id: &str,
    mut events: UnboundedReceiver<AttemptEvent>,
) -> StepResult {
    let step = || run.step.clone();
    loop {
        let event = tokio::select! {
            event = events.recv() => event,
            () = run.cancel.cancelled() => return Err(SchedulerError::Refused("cancelled".into()).into()),
        };
        match event {
            None => {
                return Err(StepFailure::Lost {
                    reason: format!("the lease of attempt {attempt_id} ended"),
                });
            }
            Some(AttemptEvent::Lost { reason }) => return Err(StepFailure::Lost { reason }),
            Some(AttemptEvent::Leased { trainer }) => {
                run.tell(RunEventKind::Log {
                    step: step(),
                    text: format!("attempt {} on trainer {trainer}", run.attempt),
                });
            }
            Some(AttemptEvent::Report(report)) => match report {
                WorkReportKind::Progress {
                    done,
                    total,
                    rows,
                    rate,
                } => {
                    run.tell(RunEventKind::StepProgress {
                        step: step(),
                        done,
                        total,
                        rows,
                        rate,
                    });
                }
                WorkReportKind::Loss {
                    epoch,
                    step: global_step,
                    loss,
                    learning_rate,
                    pairs,
                } => {
                    run.tell(RunEventKind::Loss {
                        step: step(),
                        epoch,
                        global_step,
                        loss,
                        learning_rate,
                        pairs,
                    });
                }
                WorkReportKind::Log { text } => run.tell(RunEventKind::Log { step: step(), text }),
                WorkReportKind::Checkpointed { epoch, step: at } => {
                    run.tell(RunEventKind::Log {
                        step: step(),
                        text: format!("checkpoint at epoch {epoch}, step {at}"),
                    });
                }
                WorkReportKind::Finished { outcome } => {
                    return Ok((StepOutcome::Work(outcome), false));
                }
                WorkReportKind::Failed {
                    error,
                    retryable: true,
                } => return Err(SchedulerError::Unavailable(error).into()),
                WorkReportKind::Failed {
                    error,
                    retryable: false,
                } => return Err(SchedulerError::Failed(error).into()),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rare_items_stay_and_frequent_ones_thin_out() {
        let keep = keep_chances(&[0, 0, 900, 90, 10], 0.05);
        assert_eq!(keep[4], u32::MAX);
        let share = f64::from(keep[2]) / f64::from(u32::MAX);
        assert!(
            (share - ((0.05f64 / 0.9).sqrt() + 0.05 / 0.9)).abs() < 1e-6,
            "{share}"
        );
    }
}
