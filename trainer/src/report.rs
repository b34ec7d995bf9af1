//! What an attempt says while it runs. Owns pace, not transport.

use std::time::{Duration, Instant};

use pannier_proto::work::{WorkReport, WorkReportKind};
use tokio::sync::mpsc::UnboundedSender;

/// Speaks for one attempt. When nobody listens any more, it speaks into the void: the session that
/// lost its listener stops the attempt.
#[derive(Debug, Clone)]
pub struct Reporter {
    attempt_id: String,
    reports: UnboundedSender<WorkReport>,
}

impl Reporter {
    /// For the attempt with this id.
    #[must_use]
    pub fn new(attempt_id: String, reports: UnboundedSender<WorkReport>) -> Self {
        Self {
            attempt_id,
            reports,
        }
    }

    /// Sends a report.
    pub fn send(&self, kind: WorkReportKind) {
        let _ = self.reports.send(WorkReport {
            attempt_id: self.attempt_id.clone(),
            kind,
        });
    }

    /// A line for the run's log.
    pub fn log(&self, text: impl Into<String>) {
        self.send(WorkReportKind::Log { text: text.into() });
    }
}

/// Lets a progress report pass once a second, and counts rows per second between two.
#[derive(Debug)]
pub(crate) struct Pace {
    last: Instant,
    rows_then: u64,
    rows: u64,
}

const BETWEEN: Duration = Duration::from_secs(1);

impl Pace {
    pub(crate) fn new() -> Self {
        Self {
            last: Instant::now(),
            rows_then: 0,
            rows: 0,
        }
    }

    /// Counts rows; a report where one is due. The last unit is always due.
    pub(crate) fn tick(
        &mut self,
        done: u64,
        total: u64,
        rows: u64,
        stall_share: Option<f64>,
    ) -> Option<WorkReportKind> {
        self.rows += rows;
        let passed = self.last.elapsed();
        if passed < BETWEEN && done < total {
            return None;
        }
        let rate = (self.rows - self.rows_then) as f64 / passed.as_secs_f64().max(1e-6);
        self.last = Instant::now();
        self.rows_then = self.rows;
        Some(WorkReportKind::Progress {
            done,
            total,
            rows: self.rows,
            rate,
            stall_share,
        })
    }
}
