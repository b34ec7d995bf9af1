//! Steps that a trainer performs: training and prediction. The scheduler writes down what the
//! feeds are, hands the work out, and passes on what the trainer reports.

use pannier_proto::event::{RunEventKind, StepOutcome};
use pannier_proto::feed::FeedSpec;
use pannier_proto::objects;
use pannier_proto::spec::{BaselineModel, BaselineSpec, Expand, Question, SegmentsSpec, TrainSpec};
use pannier_proto::work::{
    PredictWork, PredictionForm, Predictor, SegmentWork, TrainWork, Work, WorkKind, WorkReportKind,
};
use tokio::sync::mpsc::UnboundedReceiver;

use super::feed::{put, select, sequences, training, validation};
use super::{StepFailure, StepResult, check, decisions};
use crate::driver::StepRun;
use crate::error::SchedulerError;
use crate::plan::{DESCRIBED, queries};
use crate::trainers::AttemptEvent;

/// Places written for each query: enough for every metric asked for.
pub const TOP: u32 = 100;

/// Trains a model.
pub async fn train(run: &StepRun, train: &TrainSpec) -> StepResult {
    let feed = training(run, train).await?;
    put(run, &feed).await?;
    let valid = validation(run, train).await?;
    if let Some(valid) = &valid {
        put(run, valid).await?;
    }
    let sequences = sequences(run, train).await?;
    if let Some(sequences) = &sequences {
        put(run, sequences).await?;
    }
    let (vocab, users) = match train.model.question() {
        Question::Decision => {
            let (items, users) = decisions::vocabs(run).await?;
            (items, Some(users))
        }
        Question::Basket | Question::User => (vocab(run).await?, None),
    };
    let work = TrainWork {
        spec: train.model.clone(),
        seed: run.record.plan.spec.seed,
        feed,
        valid,
        sequences,
        vocab,
        users,
        checkpoints: objects::checkpoints(&run.record.run_id, &train.name),
        artifact: artifact(run, &train.name)?,
        ledger: objects::ledger(&run.record.run_id, &train.name),
        gathered: train.expand == Expand::Trainer,
    };
    lease(run, WorkKind::Train(Box::new(work))).await
}

/// Ranks the catalogue for every query.
pub async fn predict(
    run: &StepRun,
    method: &str,
    baseline: Option<&BaselineSpec>,
    question: Question,
) -> StepResult {
    let columns: &[&str] = match question {
        Question::Basket => &["query_id", "items"],
        Question::User => &["query_id", "user_id", "items", "counts", "baskets"],
        Question::Decision => {
            let artifact = artifact(run, method)?;
            let work = decisions::predict(run, method, baseline, artifact).await?;
            return lease(run, WorkKind::Predict(work)).await;
        }
    };
    let predictor = match baseline {
        Some(baseline) => predictor(run, baseline).await?,
        None => Predictor::Model {
            artifact: artifact(run, method)?,
        },
    };
    let work = PredictWork {
        predictor,
        queries: written(run, queries(question), columns).await?,
        vocab: vocab(run).await?,
        top: TOP,
        // A basket holds an item once; users buy theirs again.
        new_only: question == Question::Basket,
        output: objects::predictions(&run.record.run_id, question, method),
        form: PredictionForm::Ranks,
    };
    lease(run, WorkKind::Predict(work)).await
}

/// Who ranks for a baseline.
async fn predictor(run: &StepRun, baseline: &BaselineSpec) -> Result<Predictor, StepFailure> {
    Ok(match baseline.model {
        BaselineModel::Popularity(_) if !baseline.reads_sequences() => Predictor::Popularity,
        BaselineModel::CoOccurrence => Predictor::CoOccurrence {
            baskets: written(run, "train_baskets", &["items"]).await?,
        },
        _ => Predictor::NextBasket {
            baseline: baseline.clone(),
            sequences: if baseline.reads_sequences() {
                Some(written(run, "sequences", columns_of(baseline)).await?)
            } else {
                None
            },
        },
    })
}

/// What a baseline reads of the sequences: days where they count.
fn columns_of(baseline: &BaselineSpec) -> &'static [&'static str] {
    const COLUMNS: [&str; 5] = ["user_id", "baskets", "train", "valid", "ordered_at"];
    match baseline.model {
        BaselineModel::Popularity(_) => &COLUMNS,
        _ => &COLUMNS[..4],
    }
}

/// Groups a model's users and describes the groups.
pub async fn segments(run: &StepRun, train: &str, spec: &SegmentsSpec) -> StepResult {
    let [kpis, attributes] = DESCRIBED;
    let work = SegmentWork {
        model: run.record.plan.model_name(train),
        artifact: artifact(run, train)?,
        spec: spec.clone(),
        seed: run.record.plan.spec.seed,
        kpis: written(run, kpis, &["user_id", "spend", "units", "baskets"]).await?,
        attributes: written(run, attributes, &["user_id", "attribute", "value"]).await?,
        output: objects::segments(&run.record.run_id, train),
    };
    lease(run, WorkKind::Segment(work)).await
}

/// Folder of the artifact of a model of this run.
fn artifact(run: &StepRun, train: &str) -> Result<String, StepFailure> {
    let model = run.record.plan.model_name(train);
    let store = &run.context.store;
    let version = store.reserve_version(&model, &run.record.run_id)?;
    Ok(objects::artifact_dir(&model, version))
}

/// The feed of all rows of a table, written down.
pub(super) async fn written(
    run: &StepRun,
    table: &str,
    columns: &[&str],
) -> Result<FeedSpec, StepFailure> {
    let table = check::manifest(run, table).await?;
    let feed = select(&table, columns, run.record.plan.spec.seed);
    put(run, &feed).await?;
    Ok(feed)
}

/// Path of the vocab's manifest.
pub(super) async fn vocab(run: &StepRun) -> Result<String, StepFailure> {
    let vocab = check::manifest(run, "vocab").await?;
    Ok(objects::table_manifest("vocab", &vocab.version))
}

/// Hands work to a trainer and waits for its end.
pub(super) async fn lease(run: &StepRun, kind: WorkKind) -> StepResult {
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
            Some(AttemptEvent::Report(report)) => match *report {
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
