//! Publication: the gate decides about the alias; the manifest goes last, the registry after it.

use std::collections::BTreeMap;

use pannier_proto::event::{MetricRow, RunEventKind, StepOutcome};
use pannier_proto::ids::BUILD_ID;
use pannier_proto::manifest::{ArtifactFile, ArtifactManifest};
use pannier_proto::objects;
use pannier_proto::spec::PublishSpec;
use pannier_proto::status::ModelInfo;
use pannier_proto::work::WorkOutcome;

use super::{StepFailure, StepResult};
use crate::driver::StepRun;
use crate::error::SchedulerError;
use crate::store::now_ms;

/// What a training left behind.
struct Trained {
    files: Vec<ArtifactFile>,
    feed_ledger: String,
}

/// Publishes a train's model.
pub async fn publish(run: &StepRun, train: &str, publish: &PublishSpec) -> StepResult {
    let plan = &run.record.plan;
    let model = plan.model_name(train);
    let spec = plan.spec.train.iter().find(|t| t.name == train);
    let spec =
        spec.ok_or_else(|| SchedulerError::Failed(format!("the spec has no training {train}")))?;
    let version = run
        .context
        .store
        .reserve_version(&model, &run.record.run_id)?;
    let (trained, metrics) = history(run, train)?;
    let (passed, explanation) = gate(run, &model, train, publish, &metrics)?;
    let manifest = ArtifactManifest {
        model: model.clone(),
        version,
        kind: spec.model.name().to_owned(),
        run_id: run.record.run_id.clone(),
        tables: plan.tables(),
        feed: super::feed::training(run, spec).await?.digest(),
        feed_ledger: trained.feed_ledger,
        seed: plan.spec.seed,
        build: BUILD_ID.to_owned(),
        metrics: own(&metrics, train),
        files: trained.files,
    };
    let warehouse = run.context.jobs.warehouse();
    for file in &manifest.files {
        let folder = objects::artifact_dir(&model, version);
        let digest = warehouse.digest(&format!("{folder}/{}", file.name)).await?;
        if digest != file.digest {
            return Err(SchedulerError::Failed(format!(
                "the artifact's file {} is not the one that was trained",
                file.name
            ))
            .into());
        }
    }
    if run.cancel.is_cancelled() {
        return Err(SchedulerError::Refused("cancelled".into()).into());
    }
    warehouse
        .put_json_if_absent(&objects::artifact_manifest(&model, version), &manifest)
        .await?;
    let alias = publish.alias.clone().filter(|_| passed);
    let info = ModelInfo {
        model: model.clone(),
        version,
        kind: manifest.kind,
        aliases: Vec::new(),
        run_id: run.record.run_id.clone(),
        published_ms: now_ms(),
        metrics: manifest.metrics,
        bytes: manifest.files.iter().map(|f| f.bytes).sum(),
    };
    run.context.store.publish(&info, alias.as_deref())?;
    Ok((
        StepOutcome::Published {
            model,
            version,
            alias,
            gate: publish.gate.as_ref().map(ToString::to_string),
            passed,
            explanation,
        },
        false,
    ))
}

/// What the run's log says of the training and the metrics: the last word counts.
fn history(run: &StepRun, train: &str) -> Result<(Trained, Vec<MetricRow>), StepFailure> {
    let (mut trained, mut metrics) = (None, None);
    let step_name = format!("train:{train}");
    for event in run.context.store.events(&run.record.run_id, 0, u32::MAX)? {
        if let RunEventKind::StepFinished { step, result, .. } = event.kind {
            match result {
                StepOutcome::Work(WorkOutcome::Trained {
                    files, feed_ledger, ..
                }) if step == step_name => trained = Some(Trained { files, feed_ledger }),
                StepOutcome::Evaluated { metrics: rows, .. } => metrics = Some(rows),
                _ => {}
            }
        }
    }
    let trained = trained.ok_or_else(|| {
        SchedulerError::Failed(format!("the run has no finished training {train}"))
    })?;
    Ok((trained, metrics.unwrap_or_default()))
}

fn own(metrics: &[MetricRow], method: &str) -> BTreeMap<String, f64> {
    metrics
        .iter()
        .filter(|m| m.method == method)
        .map(|m| (m.metric.clone(), m.value))
        .collect()
}

fn gate(
    run: &StepRun,
    model: &str,
    train: &str,
    publish: &PublishSpec,
    metrics: &[MetricRow],
) -> Result<(bool, String), StepFailure> {
    let Some(gate) = &publish.gate else {
        return Ok((true, "no gate".into()));
    };
    let models = run.context.store.models()?;
    let outcome = gate.evaluate(|who, metric| {
        let Some(who) = who else {
            return own(metrics, train).get(metric).copied();
        };
        let baseline = metrics
            .iter()
            .find(|m| m.method == who && m.metric == metric)
            .map(|m| m.value);
        let alias = || {
            models
                .iter()
                .find(|m| m.model == model && m.aliases.iter().any(|a| a == who))
        };
        baseline.or_else(|| alias()?.metrics.get(metric).copied())
    });
    Ok((outcome.passed, outcome.explanation))
}
