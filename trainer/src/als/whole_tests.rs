//! Whole trainings against each other, and what their users are ranked.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, AsArray, Int64Array, ListArray, RecordBatch, StringArray, UInt32Array,
};
use arrow::datatypes::{Float32Type, Int64Type, UInt32Type};
use pannier_feed::testing::executor::{Fault, TestExecutor, TestFeed};
use pannier_proto::feed::KeyedRng;
use pannier_proto::spec::{AlsFeedback, AlsParams, AlsStudy, ModelSpec};
use pannier_proto::work::{PredictionForm, TrialRow, WorkOutcome, WorkReportKind, WrittenTable};

use crate::config::TrainerConfig;
use crate::testing::config;
use crate::testing::whole::{Run, files};

const ITEMS: u32 = 30;
const USERS: u32 = 40;

/// Users of two camps, each with half of the items; (user, item, count), and for each user the lists.
fn bought() -> Vec<Vec<(u32, i64)>> {
    let mut rng = KeyedRng::new(9);
    let of_user = |user: u32, rng: &mut KeyedRng| {
        let half = ITEMS / 2;
        let items = (0..half).filter(|_| rng.below(3) > 0).collect::<Vec<_>>();
        let first = 2 + user % 2 * half;
        items
            .into_iter()
            .map(|i| (first + i, 1 + i64::from(rng.below(5))))
            .collect()
    };
    (0..USERS).map(|user| of_user(user, &mut rng)).collect()
}

fn counts() -> RecordBatch {
    let rows: Vec<(u32, u32, i64)> = (0..)
        .zip(bought())
        .flat_map(|(user, items)| items.into_iter().map(move |(item, n)| (user, item, n)))
        .collect();
    let users = StringArray::from_iter_values(rows.iter().map(|r| format!("u{:02}", r.0)));
    let items = UInt32Array::from_iter_values(rows.iter().map(|r| r.1));
    let counts = Int64Array::from_iter_values(rows.iter().map(|r| r.2));
    RecordBatch::try_from_iter([
        ("user_id", Arc::new(users) as ArrayRef),
        ("item_idx", Arc::new(items)),
        ("count", Arc::new(counts)),
    ])
    .unwrap()
}

/// Everyone, and one who bought nothing.
fn asked() -> RecordBatch {
    let all = bought();
    let rows = || all.iter().map(Some).chain([None]);
    let items = rows().map(|r| r.map(|r| r.iter().map(|(i, _)| Some(*i))));
    let items = ListArray::from_iter_primitive::<UInt32Type, _, _>(items);
    let counts = rows().map(|r| r.map(|r| r.iter().map(|(_, n)| Some(*n))));
    let counts = ListArray::from_iter_primitive::<Int64Type, _, _>(counts);
    let users = StringArray::from_iter_values((0..=USERS).map(|u| format!("u{u:02}")));
    RecordBatch::try_from_iter([
        ("user_id", Arc::new(users) as ArrayRef),
        ("items", Arc::new(items)),
        ("counts", Arc::new(counts)),
    ])
    .unwrap()
}

fn run() -> Run {
    let popular: Vec<i64> = (0..i64::from(ITEMS)).map(|i| 100 - i).collect();
    let params = AlsParams {
        factors: 6,
        iterations: 8,
        checkpoint_iterations: 2,
        ..AlsParams::default()
    };
    let table = ("counts", counts());
    Run::new(ModelSpec::Als(params), &popular, table, asked())
}

#[test]
fn threads_and_interruptions_change_no_byte() {
    let whole = run();
    let one = TrainerConfig {
        threads: 1,
        ..config()
    };
    let (trained, reports) = whole.train(one, None);
    let trained = files(&trained.unwrap());
    assert_eq!(trained.1, None);
    let names: Vec<&str> = trained.0.keys().map(String::as_str).collect();
    let all = [
        "config.json",
        "model.safetensors",
        "users.parquet",
        "vectors.parquet",
        "vectors.txt",
        "vocab.parquet",
    ];
    assert_eq!(names, all);
    let losses = reports.iter().filter_map(|r| match r {
        WorkReportKind::Loss { loss, .. } => Some(*loss),
        _ => None,
    });
    let losses: Vec<f64> = losses.collect();
    assert_eq!(losses.len(), 8);
    assert!(
        losses
            .windows(2)
            .all(|pair| pair[1] <= pair[0] * (1.0 + 1e-6)),
        "{losses:?}"
    );

    let other = run();
    let (again, _) = other.train(config(), None);
    assert_eq!(files(&again.unwrap()), trained);

    let broken = run();
    // After iterations 2 and 4.
    let (stopped, _) = broken.train(config(), Some(2));
    if let Ok(outcome) = &stopped {
        // It was done before it heard.
        assert_eq!(files(outcome).0, trained.0);
    }
    let (resumed, _) = broken.train(config(), None);
    let (resumed, from) = files(&resumed.unwrap());
    assert!(from.is_some_and(|(done, _)| done >= 4), "{from:?}");
    assert_eq!(resumed, trained.0);
}

#[test]
fn users_get_their_own_camp() {
    let run = run();
    run.train(config(), None).0.unwrap();
    let users = run.rows("artifact/users.parquet");
    assert_eq!(
        users.iter().map(RecordBatch::num_rows).sum::<usize>(),
        USERS as usize
    );

    let outcome = run.predict(true, PredictionForm::Ranks);
    let expected = matches!(&outcome, WorkOutcome::Predicted { queries: 41, path, .. } if path == "out/predictions.parquet");
    assert!(expected, "{outcome:?}");
    let bought = bought();
    let (mut own_camp, mut places) = (0, 0);
    for batch in run.rows("out/predictions.parquet") {
        let (users, items) = (
            batch.column(0).as_string::<i32>(),
            batch.column(1).as_primitive::<UInt32Type>(),
        );
        for (user, item) in users.iter().zip(items.values()) {
            let user: u32 = user.unwrap()[1..].parse().unwrap();
            if user == USERS {
                continue;
            }
            assert!(
                bought[user as usize].iter().all(|(own, _)| own != item),
                "{user} has {item}"
            );
            places += 1;
            own_camp += u32::from((item - 2) / (ITEMS / 2) == user % 2);
        }
    }
    // Some have fewer than five of their camp left.
    assert!(own_camp * 10 >= places * 7, "{own_camp} of {places}");
}

#[test]
fn lists_are_whole_files_and_a_stranger_gets_what_is_popular() {
    let run = run();
    run.train(config(), None).0.unwrap();
    let outcome = run.predict(false, PredictionForm::Lists { csv: true });
    let lists = run.rows("out/recommendations.parquet");
    let WorkOutcome::Predicted {
        written: Some(WrittenTable { columns, file }),
        ..
    } = outcome
    else {
        panic!("{outcome:?}");
    };
    let schema = lists[0].schema();
    let fields = schema.fields().iter();
    let fields = fields.map(|f| (f.name().clone(), f.data_type().to_string()));
    let said = columns.into_iter().map(|c| (c.name, c.data_type));
    assert!(said.eq(fields));
    let bytes = run.warehouse.storage.get(&file.path).unwrap();
    let rows: u64 = lists.iter().map(|batch| batch.num_rows() as u64).sum();
    assert_eq!((file.bytes, file.rows), (bytes.len() as u64, rows));
    assert_eq!(file.row_groups.iter().sum::<u64>(), rows);
    assert_eq!(file.digest, blake3::hash(&bytes).to_hex().to_string());
    // Of the stranger nothing is known.
    for batch in &lists {
        let users = batch.column(0).as_string::<i32>();
        let known = batch.column(5).as_boolean();
        let right = |row: usize| known.value(row) != (users.value(row) == format!("u{USERS}"));
        assert!((0..batch.num_rows()).all(right));
    }
    let stranger = lists.iter().flat_map(|batch| {
        let (users, ids) = (
            batch.column(0).as_string::<i32>(),
            batch.column(2).as_string::<i32>(),
        );
        let scores = batch.column(3).as_primitive::<Float32Type>();
        let of = |row: &usize| users.value(*row) == format!("u{USERS}");
        (0..batch.num_rows())
            .filter(of)
            .map(|row| (ids.value(row).to_owned(), scores.value(row)))
            .collect::<Vec<_>>()
    });
    let popular: Vec<(String, f32)> = (0..5).map(|i| (format!("item {i}"), 0.0)).collect();
    assert_eq!(stranger.collect::<Vec<_>>(), popular);

    let csv = run
        .warehouse
        .storage
        .get("out/recommendations.csv")
        .unwrap();
    let csv = String::from_utf8(csv.to_vec()).unwrap();
    assert_eq!(csv.lines().count(), 41 * 5);
    let first = lists[0].column(2).as_string::<i32>().value(0).to_owned();
    assert!(csv.starts_with(&format!("u00,{first},")), "{csv}");
}

#[test]
fn counts_that_are_none_are_refused() {
    let mut run = run();
    let twice = counts();
    let column = |n: usize| Arc::clone(twice.column(n));
    let reversed = UInt32Array::from_iter_values((0..twice.num_rows() as u32).rev());
    let wrong = RecordBatch::try_from_iter([
        ("user_id", column(0)),
        ("item_idx", Arc::new(reversed) as ArrayRef),
        ("count", column(2)),
    ]);
    let feed = TestFeed::of_table("counts", wrong.unwrap());
    run.work.feed = feed.spec.clone();
    run.executor = TestExecutor::start(&run.runtime, "e", vec![feed], Fault::None);
    let error = run.train(config(), None).0.unwrap_err().to_string();
    assert!(error.contains("different versions"), "{error}");
}

#[test]
fn a_study_trains_with_what_was_best() {
    let studied = |feedback, threads| {
        let mut run = run();
        let ModelSpec::Als(params) = &mut run.work.spec else {
            panic!("another model");
        };
        params.feedback = feedback;
        params.study = Some(AlsStudy {
            folds: 3,
            k: 5,
            factors: vec![2, 6],
            regularization: vec![0.1, 1000.0],
            ..AlsStudy::default()
        });
        let config = TrainerConfig {
            threads,
            ..config()
        };
        let outcome = run.train(config, None).0.unwrap();
        let config = run.warehouse.storage.get("artifact/config.json").unwrap();
        let config: serde_json::Value = serde_json::from_slice(&config).unwrap();
        let WorkOutcome::Trained { trials, .. } = outcome.clone() else {
            panic!("{outcome:?}");
        };
        (files(&outcome).0, trials, config)
    };
    for feedback in [AlsFeedback::Implicit, AlsFeedback::Explicit] {
        let (files, trials, config) = studied(feedback, 1);
        assert_eq!(trials.len(), 4);
        assert!(
            trials
                .iter()
                .all(|t| t.values.len() == 3 && t.mean().is_finite()),
            "{trials:?}"
        );
        let explicit = feedback == AlsFeedback::Explicit;
        let better = |a: &f64, b: &f64| {
            if explicit {
                b.total_cmp(a)
            } else {
                a.total_cmp(b)
            }
        };
        let best = trials.iter().map(TrialRow::mean).max_by(better).unwrap();
        let first = trials.iter().find(|t| t.mean() == best).unwrap();
        // What is so strongly held to zero tells nothing.
        assert!(first.params.ends_with("regularization 0.1"), "{trials:?}");
        assert_eq!(first.metric, if explicit { "rmse" } else { "ndcg@5" });
        let chosen = &config["params"];
        let said = format!(
            "factors {}, regularization {}",
            chosen["factors"], chosen["regularization"]
        );
        assert_eq!(said, first.params);
        assert_eq!(chosen.get("study"), None);
        assert_eq!(studied(feedback, 2), (files, trials, config));
    }
}
