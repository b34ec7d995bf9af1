//! Steps that a trainer performs: training and prediction. The scheduler writes down what the
//! feeds are, hands the work out, and passes on what the trainer reports.

use pannier_proto::event::{RunEventKind, StepOutcome};
use pannier_proto::objects;
use pannier_proto::spec::{BaselineModel, Expand, ModelSpec, TrainSpec};
use pannier_proto::work::{Predictor, Work, WorkKind, WorkReportKind};
use tokio::sync::mpsc::UnboundedReceiver;

use super::feed::{put, select, training};
use super::{StepFailure, StepResult, check};
use crate::driver::StepRun;
use crate::error::SchedulerError;
use crate::trainers::AttemptEvent;

/// Places written for each query: enough for every metric asked for.
pub const TOP: u32 = 100;

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
    let feed = training(run, train).await?;
    put(run, &feed).await?;
    let kind = WorkKind::TrainProd2vec {
        params: params.clone(),
        seed: plan.spec.seed,
        feed,
        vocab: objects::table_manifest("vocab", &vocab.version),
        checkpoints: objects::checkpoints(&run.record.run_id, &train.name),
        artifact: objects::artifact_dir(&model, version),
        ledger: objects::ledger(&run.record.run_id, &train.name),
        gathered: train.expand == Expand::Trainer,
    };
    lease(run, kind).await
}

/// Ranks the catalogue for every query.
pub async fn predict(run: &StepRun, method: &str, baseline: Option<BaselineModel>) -> StepResult {
    let plan = &run.record.plan;
    let predictor = match baseline {
        Some(BaselineModel::Popularity) => Predictor::Popularity,
        Some(BaselineModel::CoOccurrence) => {
            let baskets = select(
                &check::manifest(run, "train_baskets").await?,
                &["items"],
                plan.spec.seed,
            );
            put(run, &baskets).await?;
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
    let queries = select(
        &check::manifest(run, "queries").await?,
        &["query_id", "items"],
        plan.spec.seed,
    );
    put(run, &queries).await?;
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
                    stall_share,
                } => {
                    run.tell(RunEventKind::StepProgress {
                        step: step(),
                        done,
                        total,
                        rows,
                        rate,
                        stall_share,
                    });
                }
                WorkReportKind::Loss {
                    epoch,
                    step: global_step,
                    loss,
                    learning_rate,
                    pairs,
                    stall,
                } => {
                    run.tell(RunEventKind::Loss {
                        step: step(),
                        epoch,
                        global_step,
                        loss,
                        learning_rate,
                        pairs,
                        stall,
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
