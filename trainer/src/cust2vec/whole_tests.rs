//! Whole trainings against each other, and what their users are ranked.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Int64Array, ListBuilder, RecordBatch, StringArray, UInt32Builder,
};
use arrow::datatypes::{Float32Type, UInt32Type};
use pannier_proto::feed::KeyedRng;
use pannier_proto::spec::{Cust2vecArchitecture, Cust2vecParams, ModelSpec, Optimizer, UpdateMode};
use pannier_proto::work::{PredictionForm, WorkReportKind};

use crate::config::TrainerConfig;
use crate::testing::config;
use crate::testing::whole::{Run, files};

const ITEMS: u32 = 30;
const USERS: u32 = 60;

/// Users of two camps, each with half of the items: baskets, of which all but the last are for training.
fn baskets() -> Vec<Vec<Vec<u32>>> {
    let mut rng = KeyedRng::new(9);
    let half = ITEMS / 2;
    let basket = |user: u32, rng: &mut KeyedRng| -> Vec<u32> {
        let mut basket: Vec<u32> = (0..4)
            .map(|_| 2 + user % 2 * half + rng.below(half))
            .collect();
        basket.sort_unstable();
        basket.dedup();
        basket
    };
    (0..USERS)
        .map(|user| (0..9).map(|_| basket(user, &mut rng)).collect())
        .collect()
}

/// Everyone; the last bought nothing in the training's part.
fn sequences() -> RecordBatch {
    let mut lists = ListBuilder::new(ListBuilder::new(UInt32Builder::new()));
    for user in baskets() {
        for basket in user {
            lists.values().values().append_slice(&basket);
            lists.values().append(true);
        }
        lists.append(true);
    }
    let users = StringArray::from_iter_values((0..USERS).map(|u| format!("u{u:02}")));
    let train = (0..USERS).map(|user| if user + 1 == USERS { 0 } else { 8 });
    RecordBatch::try_from_iter([
        ("user_id", Arc::new(users) as ArrayRef),
        ("baskets", Arc::new(lists.finish())),
        ("train", Arc::new(Int64Array::from_iter_values(train))),
    ])
    .unwrap()
}

/// What everyone bought, and how often.
fn asked() -> RecordBatch {
    let (mut items, mut counts) = (
        ListBuilder::new(UInt32Builder::new()),
        ListBuilder::new(arrow::array::Int64Builder::new()),
    );
    for user in baskets() {
        let mut bought: BTreeMap<u32, i64> = BTreeMap::new();
        user[..8]
            .iter()
            .flatten()
            .for_each(|item| *bought.entry(*item).or_default() += 1);
        for (item, count) in bought {
            items.values().append_value(item);
            counts.values().append_value(count);
        }
        items.append(true);
        counts.append(true);
    }
    let users = StringArray::from_iter_values((0..USERS).map(|u| format!("u{u:02}")));
    RecordBatch::try_from_iter([
        ("user_id", Arc::new(users) as ArrayRef),
        ("items", Arc::new(items.finish())),
        ("counts", Arc::new(counts.finish())),
    ])
    .unwrap()
}

fn run(params: Cust2vecParams) -> Run {
    let popular: Vec<i64> = (0..i64::from(ITEMS)).map(|i| 60 - i).collect();
    let table = ("sequences", sequences());
    Run::new(ModelSpec::Cust2vec(params), &popular, table, asked())
}

fn params(architecture: Cust2vecArchitecture) -> Cust2vecParams {
    Cust2vecParams {
        architecture,
        dim: 8,
        epochs: 30,
        learning_rate: 0.05,
        checkpoint_epochs: 3,
        ..Cust2vecParams::default()
    }
}

#[test]
fn threads_and_interruptions_change_no_byte() {
    let both = [Optimizer::Sgd, Optimizer::Adagrad];
    let both = both.map(|optimizer| (Cust2vecArchitecture::Dm, optimizer));
    let concat = (Cust2vecArchitecture::DmConcat, Optimizer::Adagrad);
    for (architecture, optimizer) in both.into_iter().chain([concat]) {
        let with = || {
            run(Cust2vecParams {
                optimizer,
                negatives_shared: true,
                ..params(architecture)
            })
        };
        let one = TrainerConfig {
            threads: 1,
            ..config()
        };
        let (trained, reports) = with().train(one, None);
        let (whole, from) = files(&trained.unwrap());
        assert_eq!(from, None);
        let losses = reports.iter().filter_map(|r| match r {
            WorkReportKind::Loss { loss, .. } => Some(*loss),
            _ => None,
        });
        let losses: Vec<f64> = losses.collect();
        assert!(losses.len() == 30 && losses[29] < losses[0], "{losses:?}");
        let broken = with();
        if let Ok(outcome) = broken.train(config(), Some(2)).0 {
            // It was done before it heard.
            assert_eq!(files(&outcome).0, whole);
        }
        let (resumed, from) = files(&broken.train(config(), None).0.unwrap());
        assert!(from.is_some_and(|(done, _)| done >= 6), "{from:?}");
        assert_eq!(resumed, whole);
    }
}

/// The place of the vector with the largest cosine to one.
fn nearest(vectors: &[Vec<f32>], at: usize) -> Option<usize> {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f32>();
    let near = |other: &usize| {
        let other = &vectors[*other];
        dot(&vectors[at], other) / dot(other, other).sqrt()
    };
    let others = (0..vectors.len()).filter(|other| *other != at);
    others.max_by(|a, b| near(a).total_cmp(&near(b)))
}

/// Params with which users are told by camp. Where each item around has weights for its place, it
/// tells the camp so well that nothing is left for the user: there they are few, and Adagrad lets
/// users, of whom each has fewer steps than an item, keep up.
fn camps(architecture: Cust2vecArchitecture) -> Cust2vecParams {
    let concat = architecture == Cust2vecArchitecture::DmConcat;
    let (window, optimizer, epochs) = match concat {
        true => (1, Optimizer::Adagrad, 30),
        false => (5, Optimizer::Sgd, 100),
    };
    Cust2vecParams {
        window,
        optimizer,
        epochs,
        learning_rate: 0.1,
        ..params(architecture)
    }
}

/// A column of vectors.
fn vectors(rows: &RecordBatch, column: &str) -> Vec<Vec<f32>> {
    let rows = rows.column_by_name(column).unwrap().as_fixed_size_list();
    let floats = |row: usize| {
        rows.value(row)
            .as_primitive::<Float32Type>()
            .values()
            .to_vec()
    };
    (0..rows.len()).map(floats).collect()
}

/// How many users' vectors lean to the items of their own camp by their products, more than users do
/// on the mean.
fn inclined(users: &[Vec<f32>], items: &[Vec<f32>]) -> usize {
    let (even, odd) = items.split_at(ITEMS as usize / 2);
    let sum = |user: &[f32], items: &[Vec<f32>]| {
        let products = items.iter().flat_map(|item| {
            assert_eq!(item.len(), user.len());
            item.iter().zip(user).map(|(a, b)| a * b)
        });
        products.sum::<f32>()
    };
    let leans: Vec<f32> = users
        .iter()
        .map(|user| sum(user, even) - sum(user, odd))
        .collect();
    let mean = leans.iter().sum::<f32>() / leans.len() as f32;
    let own = |(at, lean): (usize, &f32)| usize::from((*lean > mean) == (at % 2 == 0));
    leans.iter().enumerate().map(own).sum()
}

/// Would fail for vectors of items in the users' place: there are as many as trained users, by their
/// names, and their nearest neighbours are of their own camp.
#[test]
fn users_lie_and_buy_by_camp() {
    for (architecture, mode) in [
        (Cust2vecArchitecture::Dbow, UpdateMode::Deterministic),
        (Cust2vecArchitecture::Dm, UpdateMode::Deterministic),
        (Cust2vecArchitecture::DmConcat, UpdateMode::Deterministic),
    ] {
        let run = run(Cust2vecParams {
            mode,
            ..camps(architecture)
        });
        run.train(config(), None).0.unwrap();
        let users = &run.rows("artifact/users.parquet")[0];
        let names: Vec<&str> = users
            .column(0)
            .as_string::<i32>()
            .iter()
            .flatten()
            .collect();
        let expected: Vec<String> = (0..USERS - 1).map(|u| format!("u{u:02}")).collect();
        assert_eq!(names, expected);
        let vectors = vectors(users, "vector");
        assert_eq!(vectors.len(), names.len());
        let same = (0..vectors.len())
            .filter(|at| nearest(&vectors, *at).unwrap() % 2 == at % 2)
            .count();
        // With the items around, which are of the camp as well, DM has less to say of a user.
        let all = vectors.len();
        assert!(
            same == all || architecture != Cust2vecArchitecture::Dbow,
            "{same} of {all}"
        );
        let items = &run.rows("artifact/vectors.parquet")[0];
        let inclined = inclined(&vectors, &self::vectors(items, "output"));
        assert!(
            inclined * 10 >= all * 8,
            "{architecture:?}: {inclined} of {all}"
        );

        run.predict(false, PredictionForm::Ranks);
        let (mut own, mut all) = (0, 0);
        for batch in run.rows("out/predictions.parquet") {
            let users = batch.column(0).as_string::<i32>();
            let items = batch.column(1).as_primitive::<UInt32Type>().values();
            for (user, item) in users.iter().zip(items) {
                let user: u32 = user.unwrap()[1..].parse().unwrap();
                all += 1;
                own += u32::from((item - 2) / (ITEMS / 2) == user % 2);
            }
        }
        assert_eq!(all, USERS * 5);
        assert!(own * 10 >= all * 9, "{own} of {all}");
    }
}
