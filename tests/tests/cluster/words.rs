//! What tests ask of a run's log.

use pannier_proto::event::{RunEvent, RunEventKind, StepOutcome};
use pannier_proto::work::WorkOutcome;

/// Whether a table of several stages is under way, a part of `range` of its partitions done. Any
/// table, for one of them may be over between two looks at it.
pub fn half_made(kind: &RunEventKind, range: impl FnOnce(f64) -> bool) -> bool {
    matches!(kind, RunEventKind::StepProgress { step, done, total, .. }
        if step.starts_with("table:") && *total > ONE_STAGE && *done > 0 && done < total
            && range(*done as f64 / *total as f64))
}

/// The epoch and step of a checkpoint that was committed.
pub fn checkpoint(kind: &RunEventKind) -> Option<(u64, u64)> {
    let RunEventKind::Log { text, .. } = kind else {
        return None;
    };
    let (epoch, step) = text
        .strip_prefix("checkpoint at epoch ")?
        .split_once(", step ")?;
    Some((epoch.parse().ok()?, step.parse().ok()?))
}

/// Whether it is a checkpoint inside an epoch.
pub fn mid_epoch(kind: &RunEventKind) -> bool {
    checkpoint(kind).is_some_and(|(epoch, step)| epoch > 0 && step > 0)
}

/// Where the training that ended well had gone on from.
pub fn resumed_from(events: &[RunEvent]) -> Option<(u64, u64)> {
    events.iter().find_map(|e| match &e.kind {
        RunEventKind::StepFinished {
            result: StepOutcome::Work(WorkOutcome::Trained { resumed_from, .. }),
            ..
        } => *resumed_from,
        _ => None,
    })
}

/// Offsets from 0 without gaps and without repetition.
pub fn unbroken(events: &[RunEvent]) -> bool {
    events.iter().map(|e| e.offset).eq(0..events.len() as u64)
}

/// The step of a test's training.
pub const TRAIN: &str = "train:vectors";
/// Partitions of a stage.
const ONE_STAGE: u64 = 8;
