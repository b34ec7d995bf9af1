//! A trainer as the scheduler sees it: attach, work, cancel, broken streams.

use std::sync::Arc;

use arrow::array::AsArray;
use arrow::datatypes::{Float32Type, UInt32Type, UInt64Type};
use pannier_proto::feed::{PairWindow, Transform};
use pannier_proto::spec::{ModelSpec, Prod2vecParams};
use pannier_proto::wire::{scheduler_message, trainer_message};
use pannier_proto::work::{
    FeedAddress, PredictWork, PredictionForm, Predictor, TrainWork, Work, WorkKind, WorkOutcome,
    WorkReportKind,
};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use tokio::sync::Notify;

use crate::config::TrainerConfig;
use crate::error::TrainerError;
use crate::testing::config;
use crate::testing::warehouse::{VOCAB, Warehouse, baskets, counts};
use pannier_feed::testing::executor::{Fault, TestExecutor, TestFeed};
use pannier_feed::testing::runtime;
use pannier_feed::testing::scheduler::TestScheduler;

const ITEMS: u32 = 20;

/// A trainer attached to a scheduler, with an executor that serves baskets, pairs and queries.
struct Scene {
    warehouse: Warehouse,
    baskets: TestFeed,
    pairs: TestFeed,
    queries: TestFeed,
    executor: FeedAddress,
    scheduler: TestScheduler,
    stop: Arc<Notify>,
    trainer: tokio::task::JoinHandle<Result<(), TrainerError>>,
    runtime: tokio::runtime::Runtime,
}

impl Scene {
    fn new(fault: Fault) -> Self {
        let runtime = runtime();
        let rows = baskets(120, ITEMS, 5);
        let warehouse = Warehouse::new(&runtime, &counts(&rows, ITEMS));
        let transform = Transform::Pairs {
            window: PairWindow::Items(5),
            first_item: 2,
            keep: vec![],
            negatives: None,
        };
        let pairs = TestFeed::new(rows.clone(), transform, true);
        let baskets_feed = TestFeed::new(rows, Transform::Select, false);
        let mut asked = baskets(37, ITEMS, 6);
        asked[3] = vec![];
        asked[4] = vec![0, 1, 9];
        let queries = TestFeed::new(asked, Transform::Select, false);
        let feeds = vec![pairs.clone(), baskets_feed.clone(), queries.clone()];
        let executor = TestExecutor::start(&runtime, "e", feeds, fault).address;
        let scheduler = TestScheduler::start(&runtime, vec![executor.clone()]);
        let stop = Arc::new(Notify::new());
        let stopped = Arc::clone(&stop);
        let config = TrainerConfig {
            scheduler: scheduler.url.clone(),
            ..config()
        };
        let trainer = runtime.spawn(async move { crate::serve(config, stopped.notified()).await });
        Self {
            warehouse,
            baskets: baskets_feed,
            pairs,
            queries,
            executor,
            scheduler,
            stop,
            trainer,
            runtime,
        }
    }

    fn work(&self, attempt_id: &str, kind: WorkKind) -> Work {
        Work {
            attempt_id: attempt_id.into(),
            run_id: "r".into(),
            step: "s".into(),
            attempt: 1,
            warehouse: self.warehouse.root(),
            feeds: vec![self.executor.clone()],
            kind,
        }
    }

    fn train(&self, attempt_id: &str) -> Work {
        let params = Prod2vecParams {
            dim: 8,
            epochs: 2,
            ..Prod2vecParams::default()
        };
        let (feed, vocab) = (self.pairs.spec.clone(), VOCAB.to_owned());
        let (checkpoints, artifact) = ("run/ckpt".into(), "run/artifact".into());
        self.work(
            attempt_id,
            WorkKind::Train(Box::new(TrainWork {
                spec: ModelSpec::Prod2vec(params),
                seed: 1,
                feed,
                valid: None,
                sequences: None,
                vocab,
                users: None,
                checkpoints,
                artifact,
                ledger: "run/ledger".into(),
                gathered: true,
            })),
        )
    }

    fn predict(&self, predictor: Predictor) -> Work {
        let (queries, vocab, output) = (
            self.queries.spec.clone(),
            VOCAB.to_owned(),
            "run/predictions".to_owned(),
        );
        self.work(
            "p",
            WorkKind::Predict(PredictWork {
                predictor,
                queries,
                vocab,
                top: 7,
                new_only: true,
                output,
                form: PredictionForm::Ranks,
            }),
        )
    }

    /// (query, item, rank, score) of the predictions.
    fn predictions(&self) -> Vec<(u64, u32, u32, f32)> {
        let bytes = self
            .warehouse
            .storage
            .get("run/predictions/predictions.parquet")
            .unwrap();
        let batches = ParquetRecordBatchReaderBuilder::try_new(bytes)
            .unwrap()
            .build()
            .unwrap();
        let rows = |batch: arrow::array::RecordBatch| {
            let queries = batch.column(0).as_primitive::<UInt64Type>().clone();
            let (items, ranks) = (
                batch.column(1).as_primitive::<UInt32Type>().clone(),
                batch.column(2).as_primitive::<UInt32Type>().clone(),
            );
            let scores = batch.column(3).as_primitive::<Float32Type>().clone();
            (0..batch.num_rows()).map(move |i| {
                (
                    queries.value(i),
                    items.value(i),
                    ranks.value(i),
                    scores.value(i),
                )
            })
        };
        batches.flat_map(|batch| rows(batch.unwrap())).collect()
    }
}

fn over(report: &WorkReportKind) -> bool {
    matches!(
        report,
        WorkReportKind::Finished { .. } | WorkReportKind::Failed { .. }
    )
}

#[test]
fn trains_then_predicts_then_stops() {
    let mut scene = Scene::new(Fault::None);
    let runtime = runtime();
    runtime.block_on(async {
        let mut attached = scene.scheduler.trainer().await;
        let hello = attached.next().await;
        assert!(matches!(hello, Some(trainer_message::Kind::Hello(h)) if h.threads == 2 && !h.trainer_id.is_empty()));
        attached.work(&scene.train("t"));
        let reports = attached.reports(over).await;
        let Some(WorkReportKind::Finished { outcome: WorkOutcome::Trained { files, steps, pairs, feed_ledger, .. } }) =
            reports.last()
        else {
            panic!("{reports:?}");
        };
        assert_eq!((*steps, feed_ledger.len()), (60, 64));
        assert!(*pairs > 0);
        let names: Vec<&str> = files.iter().map(|f| f.name.as_str()).collect();
        assert_eq!(names, ["model.safetensors", "config.json", "vocab.parquet", "vectors.parquet", "vectors.txt"]);
        assert!(reports.iter().any(|r| matches!(r, WorkReportKind::Loss { .. })));

        for predictor in [
            Predictor::Model { artifact: "run/artifact".into() },
            Predictor::Popularity,
            Predictor::CoOccurrence { baskets: scene.baskets.spec.clone() },
        ] {
            attached.work(&scene.predict(predictor.clone()));
            let reports = attached.reports(over).await;
            let outcome = reports.last().unwrap();
            let done = matches!(
                outcome,
                WorkReportKind::Finished { outcome: WorkOutcome::Predicted { queries: 37, rows: 259, .. } }
            );
            assert!(done, "{outcome:?}");
        }
        scene.stop.notify_one();
        assert_eq!(attached.next().await, None);
        assert_eq!((&mut scene.trainer).await.unwrap(), Ok(()));
    });

    // The last ones are co-occurrence's.
    let rows = scene.predictions();
    let popular = counts(&scene.baskets.baskets, ITEMS);
    for (at, query) in scene.queries.baskets.iter().enumerate() {
        let shared = |item: u32| -> usize {
            let with = |q: &&u32| {
                scene
                    .baskets
                    .baskets
                    .iter()
                    .filter(|b| b.contains(q) && b.contains(&item))
                    .count()
            };
            query.iter().filter(|q| **q > 1).map(|q| with(&q)).sum()
        };
        let mut naive: Vec<u32> = (2..ITEMS + 2).filter(|i| !query.contains(i)).collect();
        naive.sort_by_key(|i| {
            (
                std::cmp::Reverse((shared(*i), popular[*i as usize - 2])),
                *i,
            )
        });
        let expected: Vec<(u64, u32, u32, f32)> = naive
            .iter()
            .take(7)
            .zip(1..)
            .map(|(i, rank)| (at as u64 + 1000, *i, rank, shared(*i) as f32))
            .collect();
        assert_eq!(&rows[at * 7..at * 7 + 7], expected);
    }
}

#[test]
fn a_cancelled_attempt_stops_and_the_trainer_goes_on() {
    let mut scene = Scene::new(Fault::Hang(0));
    let runtime = runtime();
    runtime.block_on(async {
        let mut attached = scene.scheduler.trainer().await;
        attached.work(&scene.train("t1"));
        attached.work(&scene.train("t2"));
        let busy = attached.reports(over).await;
        let refused =
            matches!(busy.last(), Some(WorkReportKind::Failed { error, retryable: true }) if error.contains("busy"));
        assert!(refused, "{busy:?}");
        attached.send(scheduler_message::Kind::Cancel("t1".into()));
        let stopped = attached.reports(over).await;
        let expected = WorkReportKind::Failed { error: TrainerError::Stopped.to_string(), retryable: false };
        assert_eq!(stopped.last(), Some(&expected));
        attached.send(scheduler_message::Kind::Work(r#"{"attempt_id": "x"}"#.into()));
        let strange = attached.reports(over).await;
        assert!(
            matches!(&strange[0], WorkReportKind::Failed { error, retryable: false } if error.contains("understand"))
        );
    });
}

#[test]
fn a_broken_stream_stops_the_attempt_and_is_made_anew() {
    let mut scene = Scene::new(Fault::None);
    let runtime = runtime();
    runtime.block_on(async {
        let attached = scene.scheduler.trainer().await;
        attached.work(&scene.train("t1"));
        drop(attached);
        let mut again = scene.scheduler.trainer().await;
        again.work(&scene.train("t2"));
        let reports = again.reports(over).await;
        assert!(
            matches!(reports.last(), Some(WorkReportKind::Finished { .. })),
            "{reports:?}"
        );
    });
    drop(runtime);
    scene.runtime.shutdown_background();
}
