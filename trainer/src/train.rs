//! A training from the order to the outcome: each model's own loop between what all have in common.

use std::time::Instant;

use pannier_feed::digest::Ledger;
use pannier_proto::manifest::ArtifactFile;
use pannier_proto::spec::{
    AlsParams, AttentionLstmParams, Cust2vecArchitecture, Cust2vecParams, ModelSpec,
    Prod2vecParams, WideDeepParams,
};
use pannier_proto::work::{EpochStall, StallLedger, TrainWork, TrialRow, WorkOutcome};

use crate::artifact::ArtifactConfig;
use crate::error::TrainerError;
use crate::feed::FeedContext;
use crate::neural::{attention_lstm, wide_deep};
use crate::storage::Storage;
use crate::vocab::Vocab;
use crate::{als, cust2vec, prod2vec};

/// A model that was fit, and written.
struct Fitted {
    files: Vec<ArtifactFile>,
    ledger: Ledger,
    /// Global steps over all epochs; of ALS, iterations.
    steps: u64,
    /// Pairs or entries over all of them.
    examples: u64,
    stall: StallLedger,
    epochs: Vec<EpochStall>,
    wire_bytes: u64,
    resumed_from: Option<(u64, u64)>,
    trials: Vec<TrialRow>,
}

/// Fits a model and writes its artifact and the digests of its batches.
///
/// # Errors
/// Those of the feed, the storage and the model's loop.
pub(crate) fn train(
    work: &TrainWork,
    context: &FeedContext,
    storage: &Storage,
) -> Result<WorkOutcome, TrainerError> {
    let began = Instant::now();
    let vocab = Vocab::load(storage, &work.vocab)?;
    let order = Order {
        work,
        config: ArtifactConfig::new(work.spec.clone(), work.seed, &vocab),
        vocab: &vocab,
        context,
        storage,
    };
    let fitted = match &work.spec {
        ModelSpec::Prod2vec(params) => order.prod2vec(params),
        ModelSpec::Als(params) => order.als(params),
        ModelSpec::Cust2vec(params) => order.cust2vec(params),
        ModelSpec::AttentionLstm(params) => order.attention_lstm(params),
        ModelSpec::WideDeep(params) => order.wide_deep(params),
    }?;
    storage.put(&work.ledger, fitted.ledger.bytes().to_vec())?;
    Ok(WorkOutcome::Trained {
        files: fitted.files,
        feed: work.feed.digest(),
        feed_ledger: fitted.ledger.chain().hex(),
        steps: fitted.steps,
        pairs: fitted.examples,
        example: work.spec.example().into(),
        seconds: began.elapsed().as_secs_f64(),
        stall: fitted.stall,
        epochs: fitted.epochs,
        wire_bytes: fitted.wire_bytes,
        resumed_from: fitted.resumed_from,
        trials: fitted.trials,
    })
}

/// What a model is fit with.
struct Order<'a> {
    work: &'a TrainWork,
    config: ArtifactConfig,
    vocab: &'a Vocab,
    context: &'a FeedContext,
    storage: &'a Storage,
}

impl Order<'_> {
    fn prod2vec(&self, params: &Prod2vecParams) -> Result<Fitted, TrainerError> {
        let training = prod2vec::train::Training {
            params,
            seed: self.work.seed,
            feed: &self.work.feed,
            vocab: self.vocab,
            checkpoints: &self.work.checkpoints,
            gathered: self.work.gathered,
        };
        let trained = training.run(self.context, self.storage)?;
        let (folder, model) = (&self.work.artifact, &trained.state.model);
        let files =
            prod2vec::artifact::write(self.storage, folder, model, self.vocab, &self.config)?;
        Ok(Fitted {
            files,
            steps: trained.steps,
            examples: trained.state.pairs,
            ledger: trained.state.ledger,
            stall: trained.stall,
            epochs: trained.epochs,
            wire_bytes: trained.wire_bytes,
            resumed_from: trained.resumed_from,
            trials: Vec::new(),
        })
    }

    fn als(&self, params: &AlsParams) -> Result<Fitted, TrainerError> {
        let training = als::train::Training {
            params,
            seed: self.work.seed,
            feed: &self.work.feed,
            vocab: self.vocab,
            checkpoints: &self.work.checkpoints,
        };
        let trained = training.run(self.context, self.storage)?;
        let learned = trained.learned();
        let folder = &self.work.artifact;
        // What the study found best is what the model is.
        let chosen = ModelSpec::Als(trained.params.clone());
        let config = ArtifactConfig::new(chosen, self.work.seed, self.vocab);
        let files = als::artifact::write(self.storage, folder, &learned, self.vocab, &config)?;
        let iterations = u64::from(trained.params.iterations);
        Ok(Fitted {
            files,
            steps: iterations,
            examples: trained.bought.entries.len() as u64 * iterations,
            ledger: trained.bought.reading.ledger,
            stall: trained.epochs.sum(),
            epochs: trained.epochs.by_epoch(),
            wire_bytes: trained.bought.reading.wire_bytes,
            resumed_from: trained.resumed_from,
            trials: trained.trials,
        })
    }

    fn cust2vec(&self, params: &Cust2vecParams) -> Result<Fitted, TrainerError> {
        let training = cust2vec::fit::Training {
            params,
            seed: self.work.seed,
            feed: &self.work.feed,
            vocab: self.vocab,
            checkpoints: &self.work.checkpoints,
        };
        let trained = training.run(self.context, self.storage)?;
        let alone = params.architecture == Cust2vecArchitecture::Dbow;
        let learned = cust2vec::artifact::Learned {
            names: &trained.read.names,
            vectors: &trained.vectors,
            items: !alone || params.train_items,
            priors: &cust2vec::fit::priors(self.vocab, params.power),
        };
        let (folder, config) = (&self.work.artifact, &self.config);
        let files = cust2vec::artifact::write(self.storage, folder, &learned, self.vocab, config)?;
        Ok(Fitted {
            files,
            steps: u64::from(params.epochs),
            examples: trained.items,
            ledger: trained.read.reading.ledger,
            stall: trained.epochs.sum(),
            epochs: trained.epochs.by_epoch(),
            wire_bytes: trained.read.reading.wire_bytes,
            resumed_from: trained.resumed_from,
            trials: Vec::new(),
        })
    }

    fn attention_lstm(&self, params: &AttentionLstmParams) -> Result<Fitted, TrainerError> {
        let training = attention_lstm::train::Training {
            params,
            seed: self.work.seed,
            feed: &self.work.feed,
            valid: self.work.valid.as_ref(),
            sequences: self.work.sequences.as_ref(),
            vocab: self.vocab,
            checkpoints: &self.work.checkpoints,
            gathered: self.work.gathered,
        };
        let trained = training.run(self.context, self.storage)?;
        let learned = (trained.weights.as_slice(), trained.neighbours.as_deref());
        let (folder, vocab, config) = (&self.work.artifact, self.vocab, &self.config);
        let files = attention_lstm::artifact::write(self.storage, folder, learned, vocab, config)?;
        Ok(Fitted {
            files,
            steps: trained.steps,
            examples: trained.course.examples,
            ledger: trained.course.ledger,
            stall: trained.stall,
            epochs: trained.epochs,
            wire_bytes: trained.wire_bytes,
            resumed_from: trained.resumed_from,
            trials: Vec::new(),
        })
    }

    fn wide_deep(&self, params: &WideDeepParams) -> Result<Fitted, TrainerError> {
        let users = self.work.users.as_deref();
        let beside = wide_deep::artifact::Beside::read(self.storage, &self.work.vocab, users)?;
        let training = wide_deep::train::Training {
            params,
            seed: self.work.seed,
            feed: &self.work.feed,
            valid: self.work.valid.as_ref(),
            vocab: self.vocab,
            beside: &beside,
            checkpoints: &self.work.checkpoints,
        };
        let trained = training.run(self.context, self.storage)?;
        let (folder, model) = (&self.work.artifact, (&trained.sizes, &trained.weights[..]));
        let of = (self.vocab, &beside);
        let files = wide_deep::artifact::write(self.storage, folder, model, of, &self.config)?;
        Ok(Fitted {
            files,
            steps: trained.steps,
            examples: trained.course.examples,
            ledger: trained.course.ledger,
            stall: trained.stall,
            epochs: trained.epochs,
            wire_bytes: trained.wire_bytes,
            resumed_from: trained.resumed_from,
            trials: Vec::new(),
        })
    }
}
