//! Whole predictions by baselines: what is read, tried and written.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, AsArray, Int64Array, Int64Builder, ListBuilder, RecordBatch, StringArray,
    TimestampSecondBuilder, UInt32Builder, UInt64Array,
};
use arrow::datatypes::{UInt32Type, UInt64Type};
use pannier_feed::testing::executor::{Fault, TestExecutor, TestFeed};
use pannier_feed::testing::runtime;
use pannier_proto::feed::KeyedRng;
use pannier_proto::spec::{
    BaselineModel, BaselineSpec, BaselineStudy, Fill, ItemKnnParams, PersonalFrequencyParams,
    TifuKnnParams, UpCfParams,
};
use pannier_proto::work::{PredictWork, PredictionForm, Predictor, TrialRow, WorkOutcome};

use crate::config::TrainerConfig;
use crate::error::TrainerError;
use crate::predict::Prediction;
use crate::testing::warehouse::{VOCAB, Warehouse};
use crate::testing::{config, context};
use crate::vocab::Vocab;

mod popular;

const USERS: usize = 50;
const ITEMS: u32 = 40;
const TOP: u32 = 5;

/// Users who buy four items for a while, and then only four others.
fn baskets() -> Vec<Vec<Vec<u32>>> {
    let mut rng = KeyedRng::new(4);
    let mut items = || {
        let mut items: Vec<u32> = (0..4).map(|_| 2 + rng.below(ITEMS)).collect();
        items.sort_unstable();
        items.dedup();
        items
    };
    let mut user = || {
        let (before, now) = (items(), items());
        [vec![before; 5], vec![now; 4]].concat()
    };
    (0..USERS).map(|_| user()).collect()
}

fn lists(users: &[Vec<Vec<u32>>]) -> ArrayRef {
    let mut lists = ListBuilder::new(ListBuilder::new(UInt32Builder::new()));
    for user in users {
        for basket in user {
            lists.values().values().append_slice(basket);
            lists.values().append(true);
        }
        lists.append(true);
    }
    Arc::new(lists.finish())
}

fn names(users: usize) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(
        (0..users).map(|u| format!("u{u}")),
    ))
}

/// Everybody's baskets are a day apart.
fn times() -> ArrayRef {
    let mut lists = ListBuilder::new(TimestampSecondBuilder::new());
    for _ in 0..USERS {
        (0..9).for_each(|day| lists.values().append_value(day * 86_400 + 7));
        lists.append(true);
    }
    Arc::new(lists.finish())
}

/// The last of nine baskets is for the test, and where `valid` the one before for validation.
fn sequences(valid: bool) -> RecordBatch {
    let valid = i64::from(valid);
    RecordBatch::try_from_iter([
        ("user_id", names(USERS)),
        ("baskets", lists(&baskets())),
        (
            "train",
            Arc::new(Int64Array::from(vec![8 - valid; USERS])) as ArrayRef,
        ),
        ("valid", Arc::new(Int64Array::from(vec![valid; USERS]))),
        ("ordered_at", times()),
    ])
    .unwrap()
}

/// Everyone with the first eight baskets, and a stranger with none.
fn asked() -> RecordBatch {
    let mut users = baskets();
    users.iter_mut().for_each(|user| user.truncate(8));
    users.push(vec![]);
    let (mut items, mut counts) = (
        ListBuilder::new(UInt32Builder::new()),
        ListBuilder::new(Int64Builder::new()),
    );
    for user in &users {
        let mut bought: BTreeMap<u32, i64> = BTreeMap::new();
        let all = user.iter().flatten();
        all.for_each(|item| *bought.entry(*item).or_default() += 1);
        for (item, count) in bought {
            items.values().append_value(item);
            counts.values().append_value(count);
        }
        items.append(true);
        counts.append(true);
    }
    RecordBatch::try_from_iter([
        (
            "query_id",
            Arc::new(UInt64Array::from_iter_values(0..users.len() as u64)) as ArrayRef,
        ),
        ("user_id", names(users.len())),
        ("items", Arc::new(items.finish())),
        ("counts", Arc::new(counts.finish())),
        ("baskets", lists(&users)),
    ])
    .unwrap()
}

struct Ranked {
    trials: Vec<TrialRow>,
    /// Of the Parquet file.
    bytes: Vec<u8>,
    /// Items by query, best first.
    lists: BTreeMap<u64, Vec<u32>>,
}

fn rank_of(
    baseline: &BaselineSpec,
    threads: usize,
    valid: bool,
    asked: RecordBatch,
) -> Result<Ranked, TrainerError> {
    let runtime = runtime();
    let popular: Vec<i64> = (0..i64::from(ITEMS)).map(|i| 60 - i).collect();
    let warehouse = Warehouse::new(&runtime, &popular);
    let sequences = TestFeed::of_table("sequences", sequences(valid));
    let queries = TestFeed::of_table("user_queries", asked);
    let feeds = vec![sequences.clone(), queries.clone()];
    let executor = TestExecutor::start(&runtime, "e", feeds, Fault::None);
    let config = TrainerConfig {
        threads,
        ..config()
    };
    let (context, _reports) = context(&runtime, config, vec![executor.address.clone()]);
    let work = PredictWork {
        predictor: Predictor::NextBasket {
            baseline: baseline.clone(),
            sequences: baseline.reads_sequences().then(|| sequences.spec.clone()),
        },
        queries: queries.spec,
        vocab: VOCAB.into(),
        top: TOP,
        new_only: false,
        output: "out".into(),
        form: PredictionForm::Ranks,
    };
    let vocab = Vocab::load(&warehouse.storage, VOCAB).unwrap();
    let prediction = Prediction {
        work: &work,
        vocab: &vocab,
    };
    let outcome = prediction.run(&context, &warehouse.storage)?;
    let WorkOutcome::Predicted { path, trials, .. } = outcome else {
        panic!("{outcome:?}");
    };
    let mut lists: BTreeMap<u64, Vec<u32>> = BTreeMap::new();
    for batch in warehouse.rows(&path) {
        let queries = batch.column(0).as_primitive::<UInt64Type>().clone();
        let items = batch.column(1).as_primitive::<UInt32Type>().clone();
        for row in 0..batch.num_rows() {
            lists
                .entry(queries.value(row))
                .or_default()
                .push(items.value(row));
        }
    }
    let bytes = warehouse.storage.get(&path).unwrap().to_vec();
    Ok(Ranked {
        trials,
        bytes,
        lists,
    })
}

fn rank(baseline: &BaselineSpec, threads: usize) -> Ranked {
    rank_of(baseline, threads, true, asked()).unwrap()
}

/// Every baseline of users, each with a study.
fn studied() -> Vec<BaselineSpec> {
    let study = BaselineStudy {
        k: 4,
        ..BaselineStudy::default()
    };
    let neighbours = vec![3, 20];
    let (tifu, up_cf) = (TifuKnnParams::default(), UpCfParams::default());
    let (personal, item_knn) = (PersonalFrequencyParams::default(), ItemKnnParams::default());
    let all = [
        (
            BaselineModel::PersonalFrequency(personal),
            BaselineStudy {
                decay: vec![1.0, 0.5],
                ..study.clone()
            },
        ),
        (
            BaselineModel::ItemKnn(item_knn),
            BaselineStudy {
                shrink: vec![0.0, 5.0],
                neighbours: neighbours.clone(),
                ..study.clone()
            },
        ),
        (
            BaselineModel::TifuKnn(tifu),
            BaselineStudy {
                groups: vec![1, 3],
                group_decay: vec![0.5, 1.0],
                alpha: vec![0.2, 0.9],
                neighbours: neighbours.clone(),
                trials: 9,
                ..study.clone()
            },
        ),
        (
            BaselineModel::UpCf(up_cf),
            BaselineStudy {
                recency: vec![0, 2],
                locality: vec![1.0, 5.0],
                neighbours,
                ..study
            },
        ),
    ];
    all.map(|(model, study)| BaselineSpec {
        study: Some(Box::new(study)),
        ..model.into()
    })
    .into()
}

#[test]
fn threads_change_no_byte() {
    let last = [BaselineModel::LastBasket.into()];
    for baseline in studied().into_iter().chain(last) {
        let (one, three) = (rank(&baseline, 1), rank(&baseline, 3));
        assert_eq!(one.trials, three.trials);
        assert!(one.bytes == three.bytes, "{}", baseline.name());
        let trials = baseline
            .study
            .as_ref()
            .map_or(0, |_| baseline.trials(7).len());
        assert_eq!(one.trials.len(), trials);
        // The stranger gets what is popular.
        assert_eq!(
            one.lists[&(USERS as u64)],
            [2, 3, 4, 5, 6],
            "{}",
            baseline.name()
        );
        assert!(one.lists.values().all(|list| list.len() == TOP as usize));
    }
}

/// Share of the test baskets' items among the first four.
fn recall(ranked: &Ranked) -> f64 {
    let (mut hits, mut all) = (0, 0);
    for (query, user) in (0..).zip(baskets()) {
        let list = &ranked.lists[&query][..4];
        hits += user[8].iter().filter(|item| list.contains(item)).count();
        all += user[8].len();
    }
    f64::from(hits as u32) / f64::from(all as u32)
}

#[test]
fn a_study_picks_the_better_of_two() {
    // What users buy now they bought less often than what they bought before.
    let plain = BaselineModel::PersonalFrequency(PersonalFrequencyParams::default());
    let study = BaselineStudy {
        k: 4,
        decay: vec![1.0, 0.5],
        ..BaselineStudy::default()
    };
    let tuned = rank(
        &BaselineSpec {
            study: Some(Box::new(study)),
            ..plain.into()
        },
        2,
    );
    let described: Vec<&str> = tuned
        .trials
        .iter()
        .map(|trial| trial.params.as_str())
        .collect();
    assert_eq!(described, ["decay 1", "decay 0.5"]);
    assert_eq!(tuned.trials[0].metric, "ndcg@4");
    assert!(
        tuned.trials[1].mean() > tuned.trials[0].mean() + 0.3,
        "{:?}",
        tuned.trials
    );
    let decayed = PersonalFrequencyParams {
        decay: 0.5,
        ..PersonalFrequencyParams::default()
    };
    let decayed = rank(&BaselineModel::PersonalFrequency(decayed).into(), 2);
    assert!(tuned.bytes == decayed.bytes);
    assert!(recall(&tuned) > recall(&rank(&plain.into(), 2)) + 0.3);
}

#[test]
fn a_list_of_own_items_alone_may_be_short() {
    let params = PersonalFrequencyParams {
        fill: Fill::None,
        ..PersonalFrequencyParams::default()
    };
    let ranked = rank(&BaselineModel::PersonalFrequency(params).into(), 2);
    for (query, user) in (0..).zip(baskets()) {
        let mut own: Vec<u32> = user[..8].concat();
        own.sort_unstable();
        own.dedup();
        let list = &ranked.lists[&query];
        assert_eq!(list.len(), own.len().min(TOP as usize));
        assert!(list.iter().all(|item| own.contains(item)));
    }
    assert!(!ranked.lists.contains_key(&(USERS as u64)));
}

fn error(baseline: &BaselineSpec, valid: bool, asked: RecordBatch) -> String {
    let ranked = rank_of(baseline, 1, valid, asked);
    ranked.err().expect("it cannot be ranked").to_string()
}

#[test]
fn a_study_without_validation_users_says_what_to_do() {
    for baseline in studied() {
        let error = error(&baseline, false, asked());
        assert!(error.contains("[split] valid_share = 0.1"), "{error}");
    }
}

#[test]
fn queries_without_what_is_needed_are_refused() {
    let without = |column: &str| {
        let mut asked = asked();
        let at = asked.schema().index_of(column).unwrap();
        asked.remove_column(at);
        asked
    };
    for baseline in [
        BaselineModel::LastBasket,
        BaselineModel::TifuKnn(TifuKnnParams::default()),
    ] {
        let error = error(&baseline.into(), true, without("baskets"));
        assert!(error.contains("no column baskets"), "{error}");
    }
    let up_cf = BaselineModel::UpCf(UpCfParams::default());
    let error = error(&up_cf.into(), true, without("user_id"));
    assert!(error.contains("no column user_id"), "{error}");
    // Counts are enough for plain frequencies.
    let plain = BaselineModel::PersonalFrequency(PersonalFrequencyParams::default());
    assert!(rank_of(&plain.into(), 1, true, without("baskets")).is_ok());
}
