//! What tests need around a trainer besides executors and a scheduler: a warehouse with a vocab.

pub(crate) mod decisions;
pub(crate) mod warehouse;
pub(crate) mod whole;

use std::sync::Arc;
use std::time::Duration;

use pannier_feed::reader::Directory;
use pannier_proto::config::{ByteSize, Span};
use pannier_proto::work::{FeedAddress, WorkReport, WorkReportKind};
use tokio::runtime::Runtime;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::config::TrainerConfig;
use crate::feed::FeedContext;
use crate::report::Reporter;

/// Limits that a busy machine keeps; a test of a limit sets it.
pub(crate) fn config() -> TrainerConfig {
    TrainerConfig {
        threads: 2,
        feed_timeout: Span(Duration::from_secs(30)),
        feed_stall: Span(Duration::from_secs(20)),
        prefetch_bytes: ByteSize(1 << 20),
        ..TrainerConfig::default()
    }
}

/// A context over these executors, and what is reported in it.
pub(crate) fn context(
    runtime: &Runtime,
    config: TrainerConfig,
    executors: Vec<FeedAddress>,
) -> (FeedContext, UnboundedReceiver<WorkReport>) {
    let (sender, reports) = unbounded_channel();
    let context = FeedContext {
        directory: Arc::new(Directory::new(executors, None)),
        config: Arc::new(config),
        runtime: runtime.handle().clone(),
        cancel: CancellationToken::new(),
        reporter: Reporter::new("attempt".into(), sender),
    };
    (context, reports)
}

/// Gathers all reports, and cancels when `stop_at` checkpoints were reported.
pub(crate) fn watched(
    runtime: &Runtime,
    mut reports: UnboundedReceiver<WorkReport>,
    cancel: CancellationToken,
    stop_at: Option<usize>,
) -> JoinHandle<Vec<WorkReportKind>> {
    runtime.spawn(async move {
        let (mut all, mut seen) = (Vec::new(), 0);
        while let Some(report) = reports.recv().await {
            seen += usize::from(matches!(report.kind, WorkReportKind::Checkpointed { .. }));
            if stop_at == Some(seen) {
                cancel.cancel();
            }
            all.push(report.kind);
        }
        all
    })
}
