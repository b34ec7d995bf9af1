//! The page's part on models: training, metrics, neighbours, artifacts.

use pannier_proto::event::{RunEventKind, StepOutcome};
use pannier_proto::feed::mix;
use pannier_proto::ids::BUILD_ID;
use pannier_proto::manifest::ArtifactManifest;
use pannier_proto::objects;
use pannier_proto::segments::SegmentSummary;
use pannier_proto::spec::{Metric, TrainSpec};
use pannier_proto::work::{TrialRow, WorkOutcome};

use super::Facts;
use crate::error::SchedulerError;
use crate::neighbours::Vectors;
use crate::plan::{StepKind, StepPlan};
use crate::report::{
    AliasMove, Artifact, ArtifactFile, Attempt, AttemptOutcome, Better, Difference, Gate,
    GateOutcome, Interval, ItemMap, Lineage, LossPoint, MapPlace, MethodKind, MetricRow, Neighbour,
    NeighbourList, Param, ReportData, ResumePoint, StallLedger, TableRef, Training, Trial, Tuned,
};

/// Items whose neighbours are shown: the most bought, and as many drawn from the rest.
const SHOWN: usize = 20;
/// Items on a map at most.
const PLACES: usize = 2000;
/// Neighbours shown of each.
const NEIGHBOURS: usize = 5;

/// Fills in what is known.
pub async fn fill(facts: &Facts<'_>, data: &mut ReportData) -> Result<(), SchedulerError> {
    for train in &facts.record.plan.spec.train {
        data.training.push(training(facts, train));
        data.segments.extend(segments(facts, &train.name).await?);
        let published = facts.finished(&format!("publish:{}", train.name));
        if let Some((StepOutcome::Published { model, version, .. }, ..)) = published {
            let warehouse = facts.context.jobs.warehouse();
            let path = objects::artifact_manifest(model, *version);
            let manifest: ArtifactManifest = warehouse.get_json(&path).await?;
            data.artifacts
                .extend(published.and_then(|(outcome, ..)| artifact(facts, outcome, &manifest)));
            let vectors = Vectors::read(warehouse, &objects::artifact_dir(model, *version)).await?;
            data.neighbours.extend(neighbours(model, &vectors));
            data.maps.extend(item_map(model, &vectors));
        }
    }
    data.tuned = tuned(facts);
    evaluated(facts, data);
    Ok(())
}

/// What the params of baselines were chosen from, of those that were tuned.
fn tuned(facts: &Facts<'_>) -> Vec<Tuned> {
    let of_step = |step: &StepPlan| match &step.kind {
        StepKind::Predict {
            method,
            baseline: Some(_),
            ..
        } => {
            let (outcome, ..) = facts.finished(&step.id)?;
            let StepOutcome::Work(WorkOutcome::Predicted { trials, .. }) = outcome else {
                return None;
            };
            (!trials.is_empty()).then(|| Tuned {
                method: method.clone(),
                trials: study(trials),
            })
        }
        _ => None,
    };
    facts.record.plan.steps.iter().filter_map(of_step).collect()
}

/// What is known of a model's segments, where its users were grouped.
async fn segments(
    facts: &Facts<'_>,
    train: &str,
) -> Result<Option<SegmentSummary>, SchedulerError> {
    let grouped = facts.finished(&format!("segments:{train}"));
    let Some((StepOutcome::Work(WorkOutcome::Segmented { path, .. }), ..)) = grouped else {
        return Ok(None);
    };
    let warehouse = facts.context.jobs.warehouse();
    Ok(Some(warehouse.get_json(path).await?))
}

fn artifact(
    facts: &Facts<'_>,
    outcome: &StepOutcome,
    manifest: &ArtifactManifest,
) -> Option<Artifact> {
    let StepOutcome::Published {
        alias,
        gate,
        passed,
        explanation,
        ..
    } = outcome
    else {
        return None;
    };
    let wanted = facts
        .record
        .plan
        .spec
        .publish
        .as_ref()
        .and_then(|p| p.alias.clone());
    let judged = if *passed {
        GateOutcome::Passed
    } else {
        GateOutcome::Refused
    };
    let table = |(table, version): (&String, &String)| TableRef {
        table: table.clone(),
        version: version.clone(),
    };
    Some(Artifact {
        model: manifest.model.clone(),
        version: manifest.version.to_string(),
        alias: wanted.map(|a| AliasMove {
            alias: a,
            moved: alias.is_some(),
            previous: None,
        }),
        gate: gate.as_ref().map(|text| Gate {
            text: text.clone(),
            outcome: judged,
            explanation: explanation.clone(),
        }),
        files: manifest
            .files
            .iter()
            .map(|f| ArtifactFile {
                path: f.name.clone(),
                bytes: f.bytes,
            })
            .collect(),
        lineage: Lineage {
            tables: manifest.tables.iter().map(table).collect(),
            feed_digest: Some(manifest.feed.clone()),
            seed: manifest.seed,
            build_id: BUILD_ID.to_owned(),
        },
    })
}

fn evaluated(facts: &Facts<'_>, data: &mut ReportData) {
    let evaluated = facts.finished("evaluate");
    let Some((
        StepOutcome::Evaluated {
            metrics,
            paired,
            calibration,
            curves,
            decided,
        },
        ..,
    )) = evaluated
    else {
        return;
    };
    data.calibration.clone_from(calibration);
    data.curves.clone_from(curves);
    data.decided.clone_from(decided);
    let better = |metric: &str| match metric.parse() {
        Ok(metric) if Metric::less_is_better(metric) => Better::Lower,
        _ => Better::Higher,
    };
    let models = &facts.record.plan.spec.train;
    let kind = |method: &str| {
        if models.iter().any(|t| t.name == method) {
            MethodKind::Model
        } else {
            MethodKind::Baseline
        }
    };
    let metric = |m: &pannier_proto::event::MetricRow| MetricRow {
        method: m.method.clone(),
        kind: kind(&m.method),
        metric: m.metric.clone(),
        value: m.value,
        interval: Some(Interval { lo: m.lo, hi: m.hi }),
        n: m.n,
        better: better(&m.metric),
    };
    data.metrics = metrics.iter().map(metric).collect();
    let difference = |p: &pannier_proto::event::PairedRow| Difference {
        model: p.method.clone(),
        baseline: p.against.clone(),
        metric: p.metric.clone(),
        difference: p.difference,
        interval: Interval { lo: p.lo, hi: p.hi },
        better: better(&p.metric),
    };
    data.differences = paired.iter().map(difference).collect();
}

fn neighbours(model: &str, vectors: &Vectors) -> Vec<NeighbourList> {
    let n = vectors.items.len();
    let mut rest: Vec<usize> = (SHOWN.min(n)..n).collect();
    rest.sort_by_key(|at| (mix(*at as u64), *at));
    let shown = (0..n.min(SHOWN)).chain(rest.into_iter().take(SHOWN));
    let list = |at: usize| NeighbourList {
        model: model.to_owned(),
        item_id: vectors.items[at].item_id.clone(),
        item_name: vectors.items[at].name.clone(),
        count: vectors.items[at].count,
        neighbours: vectors
            .nearest(at, NEIGHBOURS)
            .into_iter()
            .map(|(i, cosine)| Neighbour {
                name: vectors.items[i].name.clone(),
                cosine: f64::from(cosine),
            })
            .collect(),
    };
    shown.map(list).collect()
}

/// The most bought items where they lie; none of an artifact that does not say.
fn item_map(model: &str, vectors: &Vectors) -> Option<ItemMap> {
    let places = vectors.items.iter().zip(&vectors.map).take(PLACES);
    let places: Vec<MapPlace> = places
        .map(|(item, [x, y])| MapPlace {
            name: item.name.clone(),
            department: item.department.clone(),
            x: f64::from(*x),
            y: f64::from(*y),
        })
        .collect();
    (!places.is_empty()).then(|| ItemMap {
        model: model.to_owned(),
        items: vectors.items.len() as u64,
        places,
    })
}

fn training(facts: &Facts<'_>, train: &TrainSpec) -> Training {
    let step = format!("train:{}", train.name);
    let json = serde_json::to_value(&train.model).unwrap_or_default();
    let params = json["params"]
        .as_object()
        .into_iter()
        .flatten()
        // What a study tried is shown by itself.
        .filter(|(name, _)| *name != "study")
        .map(|(name, value)| Param {
            name: name.clone(),
            value: value.to_string().trim_matches('"').to_owned(),
        });
    let mut out = Training {
        name: train.name.clone(),
        model: train.model.name().to_owned(),
        backend: Some("cpu".into()),
        params: params.collect(),
        example_word: format!("{}s", train.model.example()),
        curve: curve(facts, &step),
        attempts: attempts(facts, &step),
        ..Training::default()
    };
    if let Some((
        StepOutcome::Work(WorkOutcome::Trained {
            feed_ledger,
            pairs,
            seconds,
            stall,
            epochs,
            resumed_from,
            trials,
            ..
        }),
        ..,
    )) = facts.finished(&step)
    {
        out.trials = study(trials);
        out.seconds = *seconds;
        // A resumed attempt made only a part of the pairs.
        out.examples_per_second =
            (resumed_from.is_none() && *seconds > 0.0).then(|| *pairs as f64 / seconds);
        out.feed_digest = Some(feed_ledger.clone());
        out.stall = Some(StallLedger::from(stall));
        out.advice = stall.advice().map(str::to_owned);
        let by_epoch = epochs.iter();
        out.epochs = by_epoch.map(|e| (e.epoch + 1, (&e.stall).into())).collect();
        if let (Some(last), Some((epoch, step))) = (out.attempts.last_mut(), resumed_from) {
            last.resumed_from = Some(ResumePoint {
                epoch: *epoch as u32,
                step: *step,
            });
        }
    }
    out
}

fn study(rows: &[TrialRow]) -> Vec<Trial> {
    let best = TrialRow::best(rows);
    let trial = |(at, row): (usize, &TrialRow)| {
        let (mean, half) = (row.mean(), 1.96 * row.standard_error());
        Trial {
            params: row.params.clone(),
            metric: row.metric.clone(),
            mean,
            interval: (mean - half, mean + half),
            best: best == Some(at),
        }
    };
    rows.iter().enumerate().map(trial).collect()
}

/// The loss curve; points that a lost attempt had told and a later one told again count once.
fn curve(facts: &Facts<'_>, step: &str) -> Vec<LossPoint> {
    let mut points: Vec<LossPoint> = Vec::new();
    for event in facts.events {
        if let RunEventKind::Loss {
            step: s,
            epoch,
            global_step,
            loss,
            learning_rate,
            pairs,
            stall,
        } = &event.kind
            && s == step
        {
            points.retain(|p| p.step < *global_step);
            points.push(LossPoint {
                step: *global_step,
                epoch: *epoch as u32 + 1,
                loss: *loss,
                learning_rate: *learning_rate,
                examples_seen: *pairs,
                stall_share: stall.stall_share(),
            });
        }
    }
    points
}

fn attempts(facts: &Facts<'_>, step: &str) -> Vec<Attempt> {
    let mut attempts: Vec<Attempt> = Vec::new();
    let (mut begun, mut trainer) = (0, String::new());
    for event in facts.events {
        let (outcome, reason) = match &event.kind {
            RunEventKind::StepStarted { step: s, attempt } if s == step => {
                begun = event.at_ms;
                attempts.push(Attempt {
                    number: *attempt,
                    trainer: String::new(),
                    resumed_from: None,
                    outcome: AttemptOutcome::Lost,
                    reason: String::new(),
                    seconds: 0.0,
                });
                continue;
            }
            RunEventKind::Log { step: s, text } if s == step => {
                if let Some((_, name)) = text.split_once(" on trainer ") {
                    name.clone_into(&mut trainer);
                }
                continue;
            }
            RunEventKind::StepFinished { step: s, .. } if s == step => {
                (AttemptOutcome::Finished, String::new())
            }
            RunEventKind::StepFailed { step: s, error, .. } if s == step => {
                (AttemptOutcome::Failed, error.clone())
            }
            RunEventKind::StepLost { step: s, reason } if s == step => {
                (AttemptOutcome::Lost, reason.clone())
            }
            _ => continue,
        };
        if let Some(last) = attempts.last_mut() {
            (last.outcome, last.reason, last.seconds) =
                (outcome, reason, (event.at_ms - begun) as f64 / 1000.0);
            last.trainer.clone_from(&trainer);
        }
    }
    attempts
}
