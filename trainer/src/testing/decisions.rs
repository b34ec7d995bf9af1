//! A world that makes decisions by known probabilities: its tables, its feeds, and a training of wide and
//! deep over them.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, AsArray, Float32Array, Int64Array, ListBuilder, RecordBatch, StringArray,
    UInt32Array, UInt32Builder, UInt64Array,
};
use arrow::datatypes::{Float32Type, UInt64Type};
use pannier_feed::testing::executor::{Fault, TestExecutor, TestFeed};
use pannier_feed::testing::runtime;
use pannier_proto::feed::KeyedRng;
use pannier_proto::manifest::{ManifestFile, TableLineage, TableManifest};
use pannier_proto::spec::{ModelSpec, WideDeepParams};
use pannier_proto::work::{PredictWork, PredictionForm, Predictor, TrainWork, WorkOutcome};
use parquet::arrow::ArrowWriter;

use super::warehouse::Warehouse;
use super::whole::Run;
use super::{config, context};
use crate::decisions::measure::Judged;
use crate::predict::Prediction;
use crate::storage::Storage;
use crate::vocab::Vocab;

pub(crate) const ITEMS: u32 = 40;
pub(crate) const USERS: u32 = 60;
pub(crate) const CATEGORIES: u32 = 4;
pub(crate) const ITEMS_TABLE: &str = "tables/decision_items/v1/manifest.json";
pub(crate) const USERS_TABLE: &str = "tables/decision_users/v1/manifest.json";

/// A number in -1..1 that belongs to a thing.
pub(crate) fn taste(of: u64) -> f64 {
    (KeyedRng::new(of).next_u64() >> 11) as f64 / (1u64 << 52) as f64 - 1.0
}

pub(crate) fn price(item: u32) -> f32 {
    1.0 + 9.0 * (taste(u64::from(item) + 5000) as f32 + 1.0) / 2.0
}

pub(crate) fn category(item: u32) -> u32 {
    2 + item % CATEGORIES
}

/// Decisions, and the logit of the world that made them: of user, item, price, views, and of users who like
/// a category or not.
pub(crate) struct World {
    pub rows: RecordBatch,
    pub logits: Vec<f32>,
    pub labels: Vec<f32>,
}

pub(crate) fn world(decisions: usize, seed: u64) -> World {
    let mut rng = KeyedRng::new(seed);
    let (mut users, mut items, mut views) = (Vec::new(), Vec::new(), Vec::new());
    let (mut logits, mut labels) = (Vec::new(), Vec::new());
    for _ in 0..decisions {
        let (user, item, seen) = (2 + rng.below(USERS), 2 + rng.below(ITEMS), rng.below(6));
        let liking = taste(u64::from(user) * 100 + u64::from(category(item)) + 90_000);
        let logit = -0.8 + 1.2 * taste(u64::from(user)) + 1.5 * taste(u64::from(item) + 1000)
            - 0.25 * (f64::from(price(item)) - 5.0)
            + 0.3 * (f64::from(seen) - 2.5)
            + 1.0 * liking.signum();
        let drawn = (rng.next_u64() >> 11) as f64 / (1u64 << 53) as f64;
        users.push(user);
        items.push(item);
        views.push(seen as f32);
        logits.push(logit as f32);
        labels.push(f32::from(u8::from(drawn < 1.0 / (1.0 + (-logit).exp()))));
    }
    let index = |of: Vec<u32>| Arc::new(UInt32Array::from(of)) as ArrayRef;
    let number = |of: Vec<f32>| Arc::new(Float32Array::from(of)) as ArrayRef;
    let ids = (0..decisions as u64).map(|id| id + 7);
    let names = users.iter().map(|user| format!("u{user}"));
    let rows = RecordBatch::try_from_iter([
        (
            "decision_id",
            Arc::new(UInt64Array::from_iter_values(ids)) as ArrayRef,
        ),
        (
            "user_id",
            Arc::new(StringArray::from_iter_values(names)) as ArrayRef,
        ),
        ("user_idx", index(users.clone())),
        ("item_idx", index(items.clone())),
        (
            "category_idx",
            index(items.iter().map(|item| category(*item)).collect()),
        ),
        ("label", number(labels.clone())),
        (
            "price",
            number(items.iter().map(|item| price(*item)).collect()),
        ),
        ("views", number(views)),
    ])
    .unwrap();
    World {
        rows,
        logits,
        labels,
    }
}

/// Writes a table of one part, its rows in an order of their own.
pub(crate) fn put(storage: &Storage, table: &str, manifest: &str, rows: &RecordBatch) {
    let path = format!("tables/{table}/v1/part-0.parquet");
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, rows.schema(), None).unwrap();
    writer.write(rows).unwrap();
    writer.close().unwrap();
    storage.put(&path, bytes).unwrap();
    let count = rows.num_rows() as u64;
    let manifest_of = TableManifest {
        table: table.into(),
        version: "v1".into(),
        columns: vec![],
        key: vec![],
        sort: vec![],
        parts: 1,
        rows: count,
        bytes: 0,
        digest: format!("{table}-digest"),
        files: vec![ManifestFile {
            path,
            part: 0,
            rows: count,
            bytes: 0,
            row_groups: vec![count],
            digest: String::new(),
        }],
        lineage: TableLineage::default(),
    };
    storage
        .put(manifest, serde_json::to_vec(&manifest_of).unwrap())
        .unwrap();
}

pub(crate) fn items_table() -> RecordBatch {
    let places: Vec<u32> = (0..ITEMS).map(|i| 2 + (i * 7) % ITEMS).collect();
    let text = |of: &dyn Fn(u32) -> String| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(places.iter().map(|i| of(*i))))
    };
    let numbers = places.iter().map(|i| price(*i));
    let categories = places.iter().map(|i| category(*i));
    RecordBatch::try_from_iter([
        (
            "item_idx",
            Arc::new(UInt32Array::from(places.clone())) as ArrayRef,
        ),
        ("item_id", text(&|i| format!("item {i}"))),
        ("name", text(&|i| format!("Item {i}"))),
        ("department", text(&|_| "all".into())),
        ("category", text(&|i| format!("c{}", category(i)))),
        (
            "category_idx",
            Arc::new(UInt32Array::from_iter_values(categories)),
        ),
        ("count", Arc::new(Int64Array::from(vec![9; ITEMS as usize]))),
        ("price", Arc::new(Float32Array::from_iter_values(numbers))),
    ])
    .unwrap()
}

/// Users, with two items that each bought, and how many pages they view.
pub(crate) fn users_table() -> RecordBatch {
    let users = 2..2 + USERS;
    let mut items = ListBuilder::new(UInt32Builder::new());
    for user in users.clone() {
        items.values().append_slice(&[2 + user % 5, 10 + user % 20]);
        items.append(true);
    }
    let names = users.clone().map(|user| format!("u{user}"));
    let views = users.clone().map(|user| (user % 6) as f32);
    RecordBatch::try_from_iter([
        (
            "user_id",
            Arc::new(StringArray::from_iter_values(names)) as ArrayRef,
        ),
        ("items", Arc::new(items.finish())),
        ("user_idx", Arc::new(UInt32Array::from_iter_values(users))),
        ("views", Arc::new(Float32Array::from_iter_values(views))),
    ])
    .unwrap()
}

pub(crate) fn feed(table: &str, rows: &RecordBatch, batch: u64) -> TestFeed {
    let mut feed = TestFeed::of_table(table, rows.clone());
    feed.spec.batch_rows = batch;
    feed.spec.window_rows = 4096;
    let mut left = rows.num_rows() as u64;
    feed.spec.row_groups = std::iter::from_fn(|| {
        let group = left.min(1000);
        left -= group;
        (group > 0).then_some(group)
    })
    .collect();
    feed
}

pub(crate) struct Scene {
    pub run: Run,
    pub train: TestFeed,
    pub users: TestFeed,
}

pub(crate) fn scene(params: WideDeepParams, decisions: usize, validated: bool) -> Scene {
    let runtime = runtime();
    let warehouse = Warehouse::new(&runtime, &[3, 2, 1]);
    put(
        &warehouse.storage,
        "decision_items",
        ITEMS_TABLE,
        &items_table(),
    );
    put(
        &warehouse.storage,
        "decision_users",
        USERS_TABLE,
        &users_table(),
    );
    let train = world(decisions, 1).rows;
    let unshuffled = feed("train_decisions", &train, 1 << 16);
    let mut shuffled = feed("train_decisions", &train, u64::from(params.batch));
    shuffled.spec.shuffle = true;
    let valid = feed("valid_decisions", &world(2000, 2).rows, 512);
    let queries = feed("decision_queries", &world(10_000, 3).rows, 3000);
    let users = feed("decision_users", &users_table(), 50);
    let feeds = [&unshuffled, &shuffled, &valid, &queries, &users];
    let feeds = feeds.into_iter().cloned().collect();
    let work = TrainWork {
        spec: ModelSpec::WideDeep(params),
        seed: 3,
        feed: shuffled.spec,
        valid: validated.then_some(valid.spec),
        vocab: ITEMS_TABLE.into(),
        sequences: None,
        users: Some(USERS_TABLE.into()),
        checkpoints: "run/ckpt".into(),
        artifact: "artifact".into(),
        ledger: "run/ledger".into(),
        gathered: false,
    };
    Scene {
        run: Run {
            executor: TestExecutor::start(&runtime, "e", feeds, Fault::None),
            warehouse,
            runtime,
            work,
            queries,
        },
        train: unshuffled,
        users,
    }
}

impl Scene {
    pub(crate) fn predict(
        &self,
        predictor: Predictor,
        queries: &TestFeed,
        form: PredictionForm,
    ) -> WorkOutcome {
        let executors = vec![self.run.executor.address.clone()];
        let (context, _reports) = context(&self.run.runtime, config(), executors);
        let storage = &self.run.warehouse.storage;
        let work = PredictWork {
            predictor,
            queries: queries.spec.clone(),
            vocab: ITEMS_TABLE.into(),
            top: 5,
            new_only: form != PredictionForm::Decisions,
            output: "out".into(),
            form,
        };
        let vocab = Vocab::load(storage, ITEMS_TABLE).unwrap();
        let (work, vocab) = (&work, &vocab);
        Prediction { work, vocab }.run(&context, storage).unwrap()
    }

    /// The AUC of held-out decisions, and the mean of their scores; each must be as it was asked.
    pub(crate) fn judged(&self, predictor: Predictor) -> (f64, f64) {
        self.predict(predictor, &self.run.queries, PredictionForm::Decisions);
        let asked = world(10_000, 3);
        let (mut judged, mut sum, mut at) = (Judged::default(), 0.0, 0);
        for batch in self.run.rows("out/predictions.parquet") {
            let ids = batch.column(0).as_primitive::<UInt64Type>().values();
            let labels = batch.column(2).as_primitive::<Float32Type>().values();
            let scores = batch.column(3).as_primitive::<Float32Type>().values();
            let expected = at as u64 + 7..(at + ids.len()) as u64 + 7;
            assert!(ids.iter().copied().eq(expected));
            assert_eq!(labels[..], asked.labels[at..at + ids.len()]);
            judged.add(scores, labels, [1.0; 2]);
            sum += scores.iter().map(|x| f64::from(*x)).sum::<f64>();
            at += ids.len();
        }
        assert_eq!(at, 10_000);
        (judged.measured().auc, sum / at as f64)
    }
}
