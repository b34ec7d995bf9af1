//! Whole trainings against each other, and what users are ranked by them.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, AsArray, Int64Array, Int64Builder, ListBuilder, RecordBatch, StringArray,
    UInt32Builder,
};
use arrow::datatypes::{Float32Type, UInt32Type};
use pannier_proto::feed::{KeyedRng, Part, Target, Transform};
use pannier_proto::spec::{AttentionLstmParams, BasketLoss, ModelSpec, NeuralOptimizer, Schedule};
use pannier_proto::work::{PredictionForm, WorkReportKind};

use crate::config::TrainerConfig;
use crate::testing::config;
use crate::testing::whole::{Run, files};

const ITEMS: u32 = 30;
const USERS: u32 = 60;
/// Baskets of a user: all but two for training, one for validation, one held out.
const BASKETS: u32 = 10;

/// Users who go round three groups of items in turn, each from a group of its own: what comes next is
/// told by the last basket, and by no count.
fn basket(user: u32, place: u32) -> Vec<u32> {
    let group = (user + place) % 3;
    let mut rng = KeyedRng::new(u64::from(user * 100 + place));
    let mut items: Vec<u32> = (0..4).map(|_| 2 + group * 10 + rng.below(10)).collect();
    items.sort_unstable();
    items.dedup();
    items
}

fn names() -> ArrayRef {
    Arc::new(StringArray::from_iter_values(
        (0..USERS).map(|u| format!("u{u:02}")),
    ))
}

fn lists(from: impl Fn(u32) -> u32) -> ArrayRef {
    let mut lists = ListBuilder::new(ListBuilder::new(UInt32Builder::new()));
    for user in 0..USERS {
        for place in 0..from(user) {
            lists.values().values().append_slice(&basket(user, place));
            lists.values().append(true);
        }
        lists.append(true);
    }
    Arc::new(lists.finish())
}

/// The last user has no basket for training.
fn of_training(user: u32) -> u32 {
    if user + 1 == USERS { 0 } else { BASKETS - 2 }
}

fn sequences() -> RecordBatch {
    let train = (0..USERS).map(|user| i64::from(of_training(user)));
    let valid = (0..USERS).map(|_| 1);
    RecordBatch::try_from_iter([
        ("baskets", lists(|_| BASKETS)),
        (
            "train",
            Arc::new(Int64Array::from_iter_values(train)) as ArrayRef,
        ),
        ("valid", Arc::new(Int64Array::from_iter_values(valid))),
        ("user_id", names()),
    ])
    .unwrap()
}

/// Everyone with the baskets of training.
fn asked() -> RecordBatch {
    let (mut items, mut counts) = (
        ListBuilder::new(UInt32Builder::new()),
        ListBuilder::new(Int64Builder::new()),
    );
    for user in 0..USERS {
        let mut bought: BTreeMap<u32, i64> = BTreeMap::new();
        let baskets = (0..of_training(user)).flat_map(|place| basket(user, place));
        baskets.for_each(|item| *bought.entry(item).or_default() += 1);
        for (item, count) in bought {
            items.values().append_value(item);
            counts.values().append_value(count);
        }
        items.append(true);
        counts.append(true);
    }
    RecordBatch::try_from_iter([
        ("user_id", names()),
        ("items", Arc::new(items.finish()) as ArrayRef),
        ("counts", Arc::new(counts.finish())),
        ("baskets", lists(of_training)),
    ])
    .unwrap()
}

fn params() -> AttentionLstmParams {
    AttentionLstmParams {
        embedding: 16,
        hidden: 16,
        attention: 8,
        epochs: 4,
        batch: 16,
        learning_rate: 0.01,
        checkpoint_steps: 3,
        ..AttentionLstmParams::default()
    }
}

fn run(params: AttentionLstmParams, validated: bool) -> Run {
    let popular: Vec<i64> = (0..i64::from(ITEMS)).map(|i| 60 - i).collect();
    let (max_history, batch) = (params.max_history, u64::from(params.batch));
    let table = ("sequences", sequences());
    let cut = |part, target| Transform::Sequences {
        part,
        target,
        max_history,
    };
    let valid = validated.then(|| cut(Part::Valid, Target::Last));
    let feed = (cut(Part::Train, Target::Random), batch);
    Run::cut(
        ModelSpec::AttentionLstm(params),
        &popular,
        table,
        feed,
        valid,
        asked(),
    )
}

fn one_thread() -> TrainerConfig {
    TrainerConfig {
        threads: 1,
        ..config()
    }
}

#[test]
fn threads_and_interruptions_change_no_byte() {
    let plain = params();
    let balanced = AttentionLstmParams {
        optimizer: NeuralOptimizer::AdamW,
        weight_decay: 0.01,
        warmup_steps: 5,
        schedule: Schedule::Plateau,
        loss: BasketLoss::BalancedBce,
        dropout: 0.0,
        max_history: 3,
        max_basket: 2,
        ..params()
    };
    let compared = AttentionLstmParams {
        repeat_layers: 2,
        neighbours: 8,
        candidates: 5,
        groups: 3,
        loss: BasketLoss::Softmax,
        ..params()
    };
    let all = [
        (plain, true),
        (balanced, true),
        (compared, true),
        (params(), false),
    ];
    for (params, validated) in all {
        let with = || run(params.clone(), validated);
        let (trained, reports) = with().train(one_thread(), None);
        let (whole, from) = files(&trained.unwrap());
        assert_eq!(from, None);
        let losses = reports.iter().filter_map(|r| match r {
            WorkReportKind::Loss { loss, .. } => Some(*loss),
            _ => None,
        });
        let losses: Vec<f64> = losses.collect();
        // Balanced, a few rare items are most of the loss, and that of shares is as large as baskets are: in
        // so few steps they need not fall.
        let falls = losses[15] < losses[0] || params.loss != BasketLoss::Bce;
        assert!(losses.len() == 16 && falls, "{losses:?}");
        let measured = |r: &&WorkReportKind| match r {
            WorkReportKind::Log { text } => text.contains("ndcg@10"),
            _ => false,
        };
        let measured = reports.iter().filter(measured).count();
        assert_eq!(measured, if validated { 4 } else { 0 });
        for stop_at in [1, 2, 5] {
            let broken = with();
            if let Ok(outcome) = broken.train(config(), Some(stop_at)).0 {
                // It was done before it heard.
                assert_eq!(files(&outcome).0, whole);
            }
            let (resumed, from) = files(&broken.train(config(), None).0.unwrap());
            assert!(from.is_some(), "{from:?}");
            assert_eq!(resumed, whole);
        }
    }
}

/// Of the first five places of every user with a history, the share in the basket that came next; and
/// the scores of the user without one.
fn hits(run: &Run) -> (f64, Vec<(u32, f32)>) {
    let (mut hit, mut all, mut unknown) = (0, 0, Vec::new());
    for batch in run.rows("out/predictions.parquet") {
        let users = batch.column(0).as_string::<i32>();
        let items = batch.column(1).as_primitive::<UInt32Type>().values();
        let scores = batch.column_by_name("score").unwrap();
        let scores = scores.as_primitive::<Float32Type>().values();
        for (row, user) in users.iter().enumerate() {
            let user: u32 = user.unwrap()[1..].parse().unwrap();
            if user + 1 == USERS {
                unknown.push((items[row], scores[row]));
                continue;
            }
            assert!(scores[row] > 0.0 && scores[row] < 1.0);
            all += 1;
            hit += u32::from((items[row] - 2) / 10 == (user + BASKETS - 2) % 3);
        }
    }
    (f64::from(hit) / f64::from(all), unknown)
}

#[test]
fn it_learns_what_no_count_tells() {
    let run = run(
        AttentionLstmParams {
            epochs: 100,
            patience: 0,
            ..params()
        },
        true,
    );
    run.train(config(), None).0.unwrap();
    run.predict(false, PredictionForm::Ranks);
    let (share, unknown) = hits(&run);
    // By popularity it would be a third.
    assert!(share > 0.9, "{share}");
    let items: Vec<u32> = unknown.iter().map(|(item, _)| *item).collect();
    assert_eq!(items, [2, 3, 4, 5, 6]);
}

/// Nothing is learned at such a rate, so the first epochs are the best and the rest are saved.
#[test]
fn it_stops_when_epochs_bring_nothing() {
    let run = run(
        AttentionLstmParams {
            learning_rate: 1e-12,
            epochs: 50,
            patience: 2,
            ..params()
        },
        true,
    );
    let (trained, reports) = run.train(config(), None);
    trained.unwrap();
    let measured =
        |r: &&WorkReportKind| matches!(r, WorkReportKind::Log { text } if text.contains("ndcg@10"));
    assert!(reports.iter().filter(measured).count() < 10);
}

/// What is written beside the weights is what was learned with: ranks come from the artifact alone.
#[test]
fn neighbours_go_with_the_artifact() {
    let run = run(
        AttentionLstmParams {
            epochs: 60,
            patience: 0,
            neighbours: 8,
            candidates: 5,
            loss: BasketLoss::Softmax,
            ..params()
        },
        true,
    );
    let (trained, _) = run.train(config(), None);
    let (files, _) = files(&trained.unwrap());
    assert!(files.contains_key("neighbours.parquet"), "{files:?}");
    // The last user has no basket for training, and is nobody's neighbour.
    let users: usize = run
        .rows("artifact/neighbours.parquet")
        .iter()
        .map(RecordBatch::num_rows)
        .sum();
    assert_eq!(users, USERS as usize - 1);
    run.predict(false, PredictionForm::Ranks);
    let (share, unknown) = hits(&run);
    assert!(share > 0.8, "{share}");
    assert_eq!(unknown.len(), 5);
}

/// Trained, broken off and taken up again on libtorch; ranked there, and by the same artifact on flex.
#[cfg(feature = "tch")]
#[test]
fn libtorch_goes_the_whole_way() {
    use crate::Device;

    let on = |device| TrainerConfig { device, ..config() };
    let run = run(
        AttentionLstmParams {
            epochs: 100,
            patience: 0,
            ..params()
        },
        true,
    );
    let broken = run.train(on(Device::Tch), Some(3)).0;
    assert!(broken.is_err(), "it was done before it heard");
    let (trained, reports) = run.train(on(Device::Tch), None);
    assert!(files(&trained.unwrap()).1.is_some());
    let told = |r: &WorkReportKind| matches!(r, WorkReportKind::Log { text } if text.contains("steps on tch"));
    assert!(reports.iter().any(told));
    let ranked = |device| {
        run.predict_with(on(device), false, PredictionForm::Ranks);
        hits(&run)
    };
    let ((torch, _), (flex, _)) = (ranked(Device::Tch), ranked(Device::Flex));
    assert!(torch > 0.9 && (torch - flex).abs() < 0.02, "{torch} {flex}");
}
