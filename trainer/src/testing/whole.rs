//! A whole training that reads its table once: its warehouse, its work and an executor, and what it
//! leaves there.

use std::collections::BTreeMap;

use arrow::array::RecordBatch;
use pannier_feed::testing::executor::{Fault, TestExecutor, TestFeed};
use pannier_feed::testing::runtime;
use pannier_proto::feed::Transform;
use pannier_proto::spec::ModelSpec;
use pannier_proto::work::{
    PredictWork, PredictionForm, Predictor, TrainWork, WorkOutcome, WorkReportKind,
};
use tokio::runtime::Runtime;

use crate::config::TrainerConfig;
use crate::error::TrainerError;
use crate::predict::Prediction;
use crate::testing::warehouse::{VOCAB, Warehouse};
use crate::testing::{config, context, watched};
use crate::train::train;
use crate::vocab::Vocab;

pub(crate) struct Run {
    pub warehouse: Warehouse,
    pub runtime: Runtime,
    pub work: TrainWork,
    pub queries: TestFeed,
    pub executor: TestExecutor,
}

impl Run {
    /// Of a model that is trained from these rows of a table and asked for the users of `asked`; items
    /// by how often they were bought.
    pub(crate) fn new(
        spec: ModelSpec,
        counts: &[i64],
        (table, rows): (&'static str, RecordBatch),
        asked: RecordBatch,
    ) -> Self {
        let feed = TestFeed::of_table(table, rows);
        Self::of_feeds(spec, counts, feed, (None, None), asked)
    }

    /// The same of sequences that are cut, so many rows at a time in another order every epoch; `valid`:
    /// how they are cut for validation.
    pub(crate) fn cut(
        spec: ModelSpec,
        counts: &[i64],
        (table, rows): (&'static str, RecordBatch),
        (cut, batch_rows): (Transform, u64),
        valid: Option<Transform>,
        asked: RecordBatch,
    ) -> Self {
        let of = |transform| {
            let mut feed = TestFeed::of_table(table, rows.clone());
            feed.spec.transform = transform;
            feed.spec.batch_rows = batch_rows;
            feed
        };
        let mut feed = of(cut);
        feed.spec.shuffle = true;
        let compared = matches!(&spec, ModelSpec::AttentionLstm(p) if p.neighbours > 0);
        let sequences = compared.then(|| TestFeed::of_table(table, rows.clone()));
        Self::of_feeds(spec, counts, feed, (valid.map(of), sequences), asked)
    }

    fn of_feeds(
        spec: ModelSpec,
        counts: &[i64],
        feed: TestFeed,
        (valid, sequences): (Option<TestFeed>, Option<TestFeed>),
        asked: RecordBatch,
    ) -> Self {
        let runtime = runtime();
        let warehouse = Warehouse::new(&runtime, counts);
        let queries = TestFeed::of_table("histories", asked);
        let mut feeds = vec![feed.clone(), queries.clone()];
        feeds.extend(valid.clone());
        feeds.extend(sequences.clone());
        let executor = TestExecutor::start(&runtime, "e", feeds, Fault::None);
        let work = TrainWork {
            spec,
            seed: 3,
            feed: feed.spec,
            valid: valid.map(|feed| feed.spec),
            sequences: sequences.map(|feed| feed.spec),
            vocab: VOCAB.into(),
            users: None,
            checkpoints: "run/ckpt".into(),
            artifact: "artifact".into(),
            ledger: "run/ledger".into(),
            gathered: true,
        };
        Self {
            warehouse,
            runtime,
            work,
            queries,
            executor,
        }
    }

    /// Trains; `stop_at`: cancel when this many checkpoints were reported.
    pub(crate) fn train(
        &self,
        config: TrainerConfig,
        stop_at: Option<usize>,
    ) -> (Result<WorkOutcome, TrainerError>, Vec<WorkReportKind>) {
        let executors = vec![self.executor.address.clone()];
        let (context, reports) = context(&self.runtime, config, executors);
        let watcher = watched(&self.runtime, reports, context.cancel.clone(), stop_at);
        let trained = train(&self.work, &context, &self.warehouse.storage);
        drop(context);
        (trained, self.runtime.block_on(watcher).unwrap())
    }

    /// Ranks for everyone by what was trained, five places each, into `out`.
    pub(crate) fn predict(&self, new_only: bool, form: PredictionForm) -> WorkOutcome {
        self.predict_with(config(), new_only, form)
    }

    /// The same with a configuration.
    pub(crate) fn predict_with(
        &self,
        config: TrainerConfig,
        new_only: bool,
        form: PredictionForm,
    ) -> WorkOutcome {
        let executors = vec![self.executor.address.clone()];
        let (context, _reports) = context(&self.runtime, config, executors);
        let storage = &self.warehouse.storage;
        let work = PredictWork {
            predictor: Predictor::Model {
                artifact: "artifact".into(),
            },
            queries: self.queries.spec.clone(),
            vocab: VOCAB.into(),
            top: 5,
            new_only,
            output: "out".into(),
            form,
        };
        let vocab = Vocab::load(storage, VOCAB).unwrap();
        let (work, vocab) = (&work, &vocab);
        Prediction { work, vocab }.run(&context, storage).unwrap()
    }

    /// All batches of a Parquet file.
    pub(crate) fn rows(&self, path: &str) -> Vec<RecordBatch> {
        self.warehouse.rows(path)
    }
}

/// Files of a training by digest, and where it went on from.
pub(crate) fn files(outcome: &WorkOutcome) -> (BTreeMap<String, String>, Option<(u64, u64)>) {
    match outcome {
        WorkOutcome::Trained {
            files,
            resumed_from,
            ..
        } => {
            let named = files.iter().map(|f| (f.name.clone(), f.digest.clone()));
            (named.collect(), *resumed_from)
        }
        WorkOutcome::Predicted { .. } | WorkOutcome::Segmented { .. } => panic!("{outcome:?}"),
    }
}
