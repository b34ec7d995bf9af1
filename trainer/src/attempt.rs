//! One attempt at one piece of work, from the message to the outcome. Blocks.

use std::sync::Arc;
use std::time::Instant;

use pannier_feed::reader::Directory;
use pannier_proto::work::{Work, WorkKind, WorkOutcome, WorkReportKind};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;
use tonic::transport::Channel;

use crate::config::TrainerConfig;
use crate::error::TrainerError;
use crate::feed::FeedContext;
use crate::predict::Prediction;
use crate::prod2vec::artifact;
use crate::prod2vec::train::Training;
use crate::report::Reporter;
use crate::storage::Storage;
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
    let began = Instant::now();
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
        WorkKind::TrainProd2vec {
            params,
            seed,
            feed,
            vocab,
            checkpoints,
            artifact,
            ledger,
            gathered,
        } => {
            let vocab = Vocab::load(&storage, vocab)?;
            let training = Training {
                params,
                seed: *seed,
                feed,
                vocab: &vocab,
                checkpoints,
                gathered: *gathered,
            };
            let trained = training.run(&context, &storage)?;
            let files = artifact::write(
                &storage,
                artifact,
                &trained.state.model,
                &vocab,
                params,
                *seed,
            )?;
            storage.put(ledger, trained.state.ledger.bytes().to_vec())?;
            Ok(WorkOutcome::Trained {
                files,
                feed: feed.digest(),
                feed_ledger: trained.state.ledger.chain().hex(),
                steps: trained.steps,
                pairs: trained.state.pairs,
                seconds: began.elapsed().as_secs_f64(),
                stall: trained.stall,
                epochs: trained.epochs,
                wire_bytes: trained.wire_bytes,
                resumed_from: trained.resumed_from,
            })
        }
        WorkKind::Predict {
            predictor,
            queries,
            vocab,
            top,
            output,
        } => {
            let vocab = Vocab::load(&storage, vocab)?;
            Prediction {
                predictor,
                queries,
                vocab: &vocab,
                top: *top,
                output,
            }
            .run(&context, &storage)
        }
    }
}
