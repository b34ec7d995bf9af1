//! One attempt at one piece of work, from the message to the outcome. Blocks.

use std::sync::Arc;

use pannier_feed::reader::Directory;
use pannier_proto::work::{Work, WorkKind, WorkOutcome, WorkReportKind};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;
use tonic::transport::Channel;

use crate::config::TrainerConfig;
use crate::error::TrainerError;
use crate::feed::FeedContext;
use crate::predict::Prediction;
use crate::report::Reporter;
use crate::segmentation::segment;
use crate::storage::Storage;
use crate::train::train;
use crate::vocab::Vocab;

/// What an attempt runs with.
#[derive(Clone)]
pub(crate) struct Surroundings {
    pub config: Arc<TrainerConfig>,
    /// Knows where feeds are served; without it, the addresses in the work are all there are.
    pub scheduler: Option<Channel>,
    pub cancel: CancellationToken,
    pub reporter: Reporter,
    pub runtime: Handle,
}

/// Does the work and reports how it ended. Must run on a thread that may block.
pub(crate) fn run(work: &Work, surroundings: Surroundings) {
    let reporter = surroundings.reporter.clone();
    reporter.send(match outcome(work, surroundings) {
        Ok(outcome) => WorkReportKind::Finished { outcome },
        Err(error) => WorkReportKind::Failed {
            error: error.to_string(),
            retryable: error.retryable(),
        },
    });
}

fn outcome(work: &Work, surroundings: Surroundings) -> Result<WorkOutcome, TrainerError> {
    let Surroundings {
        config,
        scheduler,
        cancel,
        reporter,
        runtime,
    } = surroundings;
    let storage = Storage::open(&work.warehouse, runtime.clone())?;
    let directory = Arc::new(Directory::new(work.feeds.clone(), scheduler));
    let context = FeedContext {
        directory,
        config,
        runtime,
        cancel,
        reporter,
    };
    match &work.kind {
        WorkKind::Train(work) => train(work, &context, &storage),
        WorkKind::Predict(work) => {
            let vocab = Vocab::load(&storage, &work.vocab)?;
            let vocab = &vocab;
            Prediction { work, vocab }.run(&context, &storage)
        }
        WorkKind::Segment(work) => segment(work, &context, &storage),
    }
}
