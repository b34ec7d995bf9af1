//! Writes the run's page: gathers what the log, the manifests and a few small queries tell, and
//! hands it to the pure renderer.

mod learned;
mod prepared;

use pannier_proto::event::{Operator, RunEvent, RunEventKind, StepOutcome};
use pannier_proto::ids::BUILD_ID;
use pannier_proto::objects;
use tokio_util::sync::CancellationToken;

use super::{StepContext, StepResult};
use crate::driver::StepRun;
use crate::error::SchedulerError;
use crate::operators;
use crate::report::{
    Activity, ActivityKind, ActivityOutcome, ReportData, RunHeader, RunStatus, render,
};
use crate::store::RunRecord;

/// Where a report gets its facts from.
struct Facts<'a> {
    context: &'a StepContext,
    record: &'a RunRecord,
    events: &'a [RunEvent],
    cancel: &'a CancellationToken,
}

impl Facts<'_> {
    /// What a step produced and how long it took, where it is done.
    fn finished(&self, step: &str) -> Option<(&StepOutcome, bool, f64)> {
        self.events.iter().rev().find_map(|e| match &e.kind {
            RunEventKind::StepFinished {
                step: s,
                skipped,
                seconds,
                result,
            } if s == step => Some((result, *skipped, *seconds)),
            _ => None,
        })
    }
}

/// Writes the page of a run that went well.
pub async fn write(run: &StepRun) -> StepResult {
    let path = page(&run.context, &run.record, RunStatus::Succeeded, &run.cancel).await?;
    Ok((StepOutcome::Report { path }, false))
}

/// Writes the page of a run that ended otherwise.
pub async fn write_ended(
    context: &StepContext,
    record: &RunRecord,
    status: RunStatus,
) -> Result<String, SchedulerError> {
    page(context, record, status, &CancellationToken::new()).await
}

async fn page(
    context: &StepContext,
    record: &RunRecord,
    status: RunStatus,
    cancel: &CancellationToken,
) -> Result<String, SchedulerError> {
    let events = context.store.events(&record.run_id, 0, u32::MAX)?;
    let facts = Facts {
        context,
        record,
        events: &events,
        cancel,
    };
    let started_ms = events.first().map_or(record.submitted_ms, |e| e.at_ms);
    let well = status == RunStatus::Succeeded;
    let mut data = ReportData {
        header: RunHeader {
            name: record.name.clone(),
            id: record.run_id.clone(),
            status,
            seed: record.plan.spec.seed,
            started_at: chrono::DateTime::from_timestamp_millis(started_ms)
                .unwrap_or_default()
                .to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
            seconds: (crate::store::now_ms() - started_ms) as f64 / 1000.0,
            build_id: BUILD_ID.to_owned(),
            spec: record.spec.clone(),
            summary: None,
        },
        timeline: timeline(&events, started_ms),
        operators: operators(&events),
        ..ReportData::default()
    };
    prepared::fill(&facts, &mut data, well).await?;
    learned::fill(&facts, &mut data).await?;
    let path = objects::report(&record.run_id);
    context.jobs.warehouse().put(&path, render(&data)).await?;
    Ok(path)
}

/// A bar per step, from its last start to its end.
/// What all steps' operators cost together. A step that was tried again counts each time.
fn operators(events: &[RunEvent]) -> Vec<Operator> {
    let all = events.iter().filter_map(|event| match &event.kind {
        RunEventKind::Operators { operators, .. } => Some(operators),
        _ => None,
    });
    operators::sum(all.flatten())
}

fn timeline(events: &[RunEvent], started_ms: i64) -> Vec<Activity> {
    let mut bars: Vec<Activity> = Vec::new();
    for event in events {
        let at = (event.at_ms - started_ms) as f64 / 1000.0;
        match &event.kind {
            RunEventKind::StepStarted { step, .. } => {
                bars.retain(|b| b.name != *step);
                let kind = match step.split(':').next() {
                    Some("train") => ActivityKind::Train,
                    Some("predict" | "evaluate") => ActivityKind::Evaluate,
                    Some("publish" | "report") => ActivityKind::Publish,
                    _ => ActivityKind::Data,
                };
                bars.push(Activity {
                    name: step.clone(),
                    kind,
                    start_seconds: at,
                    seconds: 0.0,
                    outcome: ActivityOutcome::Done,
                });
            }
            RunEventKind::StepFinished { step, skipped, .. } => {
                let outcome = if *skipped {
                    ActivityOutcome::Skipped
                } else {
                    ActivityOutcome::Done
                };
                end(&mut bars, step, at, outcome);
            }
            RunEventKind::StepFailed { step, .. } | RunEventKind::StepLost { step, .. } => {
                end(&mut bars, step, at, ActivityOutcome::Failed)
            }
            _ => {}
        }
    }
    bars.retain(|b| b.name != "report");
    bars
}

fn end(bars: &mut [Activity], step: &str, at: f64, outcome: ActivityOutcome) {
    if let Some(bar) = bars.iter_mut().rev().find(|b| b.name == step) {
        (bar.seconds, bar.outcome) = (at - bar.start_seconds, outcome);
    }
}
