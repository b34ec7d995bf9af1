//! Users of two kinds, from their vectors to the tables.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, AsArray, FixedSizeListArray, Float32Array, Float64Array, RecordBatch, StringArray,
};
use arrow::datatypes::{DataType, Field, Float64Type, UInt32Type};
use pannier_feed::testing::executor::{Fault, TestExecutor, TestFeed};
use pannier_feed::testing::runtime;
use pannier_proto::feed::KeyedRng;
use pannier_proto::segments::SegmentSummary;
use pannier_proto::spec::SegmentsSpec;
use pannier_proto::work::{SegmentWork, WorkOutcome};
use parquet::arrow::ArrowWriter;

use super::profiles::most_frequent;
use super::segment;
use crate::config::TrainerConfig;
use crate::error::TrainerError;
use crate::testing::warehouse::Warehouse;
use crate::testing::{config, context};

const USERS: usize = 120;

/// Every third user is of the small camp.
fn small(user: usize) -> bool {
    user.is_multiple_of(3)
}

fn names(users: usize) -> ArrayRef {
    let names = (0..users).map(|user| format!("u{user:03}"));
    Arc::new(StringArray::from_iter_values(names))
}

/// `users.parquet`: two camps, far from each other.
fn vectors() -> Vec<u8> {
    let mut rng = KeyedRng::new(5);
    let mut values = Vec::new();
    for user in 0..USERS {
        let mut noise = || rng.below(1000) as f32 / 5000.0;
        let (x, y) = if small(user) { (1.0, 0.0) } else { (0.0, 1.0) };
        values.extend([x + noise(), y + noise(), noise()]);
    }
    let field = Arc::new(Field::new("element", DataType::Float32, false));
    let vectors = FixedSizeListArray::new(field, 3, Arc::new(Float32Array::from(values)), None);
    let batch = RecordBatch::try_from_iter([
        ("user_id", names(USERS)),
        ("vector", Arc::new(vectors) as ArrayRef),
    ]);
    let batch = batch.unwrap();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    bytes
}

/// The small camp spends thrice as much a basket; two users more have no vector. Units of nobody are
/// known.
fn kpis() -> RecordBatch {
    let spend =
        (0..USERS + 2).map(|user| if small(user) { 60.0 } else { 20.0 } + user as f64 / 9.0);
    RecordBatch::try_from_iter_with_nullable([
        ("user_id", names(USERS + 2), false),
        (
            "spend",
            Arc::new(Float64Array::from_iter_values(spend)) as ArrayRef,
            true,
        ),
        (
            "units",
            Arc::new(Float64Array::from(vec![None; USERS + 2])),
            true,
        ),
        (
            "baskets",
            Arc::new(Float64Array::from(vec![2.0; USERS + 2])),
            false,
        ),
    ])
    .unwrap()
}

/// One colour each, known of all; pets, any number, known of the first half.
fn attributes() -> RecordBatch {
    let mut rows: Vec<(usize, &str, &str)> = Vec::new();
    for user in 0..USERS {
        rows.push((user, "colour", if small(user) { "red" } else { "blue" }));
        if user < USERS / 2 {
            rows.push((user, "pets", "cat"));
            if small(user) {
                rows.push((user, "pets", "dog"));
            }
        }
    }
    let column = |of: &dyn Fn(&(usize, &str, &str)) -> String| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(rows.iter().map(of)))
    };
    RecordBatch::try_from_iter([
        ("user_id", column(&|row| format!("u{:03}", row.0))),
        ("attribute", column(&|row| row.1.to_owned())),
        ("value", column(&|row| row.2.to_owned())),
    ])
    .unwrap()
}

struct Made {
    outcome: Result<WorkOutcome, TrainerError>,
    warehouse: Warehouse,
    _runtime: tokio::runtime::Runtime,
}

fn made(spec: SegmentsSpec, config: TrainerConfig) -> Made {
    let runtime = runtime();
    let warehouse = Warehouse::new(&runtime, &[1, 1, 1]);
    warehouse
        .storage
        .put("artifact/users.parquet", vectors())
        .unwrap();
    let kpis = TestFeed::of_table("user_kpis", kpis());
    let attributes = TestFeed::of_table("user_attributes", attributes());
    let work = SegmentWork {
        model: "grocery-users".into(),
        artifact: "artifact".into(),
        spec,
        seed: 4,
        kpis: kpis.spec.clone(),
        attributes: attributes.spec.clone(),
        output: "out".into(),
    };
    let executor = TestExecutor::start(&runtime, "e", vec![kpis, attributes], Fault::None);
    let (context, _reports) = context(&runtime, config, vec![executor.address.clone()]);
    Made {
        outcome: segment(&work, &context, &warehouse.storage),
        warehouse,
        _runtime: runtime,
    }
}

impl Made {
    fn summary(&self) -> SegmentSummary {
        serde_json::from_slice(&self.warehouse.storage.get("out/segments.json").unwrap()).unwrap()
    }

    fn text(&self, path: &str) -> String {
        String::from_utf8(self.warehouse.storage.get(path).unwrap().to_vec()).unwrap()
    }

    fn rows(&self, path: &str) -> RecordBatch {
        self.warehouse.rows(path).remove(0)
    }
}

#[test]
fn users_of_two_kinds_make_two_segments() {
    let made = made(SegmentsSpec::default(), config());
    let Ok(WorkOutcome::Segmented {
        users,
        segments,
        reliable,
        path,
        ..
    }) = &made.outcome
    else {
        panic!("{:?}", made.outcome);
    };
    assert_eq!((*users, *segments, *reliable), (120, 2, Some(true)));
    assert_eq!(path, "out/segments.json");
    let table = made.rows("out/users.parquet");
    let segments = table.column(1).as_primitive::<UInt32Type>().values();
    assert_eq!(table.column(0).as_string::<i32>().value(7), "u007");
    assert!((0..USERS).all(|user| segments[user] == u32::from(small(user))));
    assert!(
        made.text("out/users.csv")
            .starts_with("user_id,segment,x,y\nu000,1,")
    );
    assert_eq!(made.rows("out/centres.parquet").num_rows(), 2);

    let summary = made.summary();
    assert_eq!((summary.without_vector, summary.places.len()), (2, USERS));
    // As many numbers as twenty users for each allow.
    let tried: Vec<u32> = summary.candidates.iter().map(|c| c.segments).collect();
    assert_eq!(tried, [2, 3, 4, 5, 6]);
}

#[test]
fn totals_tests_and_profiles_are_those_of_the_tables() {
    let made = made(
        SegmentsSpec {
            k: Some(2),
            ..SegmentsSpec::default()
        },
        config(),
    );
    let summary = made.summary();
    assert_eq!((summary.reliable, summary.candidates.len()), (None, 0));
    let [large, few] = &summary.kpis[..] else {
        panic!("{summary:?}")
    };
    let spend = |camp: bool| -> f64 {
        let of = (0..USERS).filter(|user| small(*user) == camp);
        of.map(|user| if camp { 60.0 } else { 20.0 } + user as f64 / 9.0)
            .sum()
    };
    for (kpis, camp, users) in [(large, false, 80), (few, true, 40)] {
        assert_eq!(
            (kpis.users, kpis.units, kpis.baskets),
            (users, None, 2.0 * users as f64)
        );
        assert!((kpis.spend.unwrap() - spend(camp)).abs() < 1e-9);
    }
    assert!((summary.overall.spend.unwrap() - spend(true) - spend(false)).abs() < 1e-9);
    let table = made.rows("out/kpis.parquet");
    let per_user = table.column_by_name("spend_per_user").unwrap();
    let per_user = per_user.as_primitive::<Float64Type>().value(1);
    assert!((per_user - spend(true) / 40.0).abs() < 1e-9);
    let header = made.text("out/kpis.csv");
    assert!(header.starts_with("segment,total_spend,total_units,total_baskets,total_users,"));

    // What nobody has is not tested; what all have alike tells nothing apart.
    let p = |kpi: &str| summary.tests.iter().find(|t| t.kpi == kpi).map(|t| t.p);
    assert_eq!(p("spend_per_user"), Some(1.0 / 1000.0));
    assert_eq!((p("units_per_user"), p("price_per_unit")), (None, None));
    assert_eq!(p("baskets_per_user"), Some(1.0));

    let profile = |segment: u32, value: &str| {
        let found = summary
            .profiles
            .iter()
            .find(|p| p.segment == segment && p.value == value);
        found.map(|p| (p.users, p.share, p.index.round()))
    };
    assert_eq!(profile(1, "red"), Some((40, 1.0, 300.0)));
    assert_eq!(profile(0, "red"), Some((0, 0.0, 0.0)));
    // Of the first 60 users 20 are of the small camp: shares are of those whose pets are known.
    assert_eq!(profile(1, "dog"), Some((20, 1.0, 300.0)));
    assert_eq!(profile(0, "cat"), Some((40, 1.0, 100.0)));
    assert!(
        made.text("out/profiles.csv")
            .contains("\n1,colour,red,40,1.0,")
    );

    let mut profiles = summary.profiles.clone();
    most_frequent(&mut profiles, 1);
    let mut values: Vec<&str> = profiles.iter().map(|p| p.value.as_str()).collect();
    values.dedup();
    assert_eq!(values, ["blue", "cat", "blue", "cat"]);
}

#[test]
fn threads_change_no_byte() {
    let one = TrainerConfig {
        threads: 1,
        ..config()
    };
    let runs = [one, config()].map(|config| made(SegmentsSpec::default(), config));
    for file in [
        "segments.json",
        "users.parquet",
        "kpis.csv",
        "profiles.parquet",
        "centres.parquet",
    ] {
        let bytes = runs.each_ref().map(|run| {
            let path = format!("out/{file}");
            run.warehouse.storage.get(&path).unwrap()
        });
        assert_eq!(bytes[0], bytes[1], "{file}");
    }
}

#[test]
fn too_few_users_are_told() {
    let spec = SegmentsSpec {
        k_min: 7,
        k_max: 9,
        ..SegmentsSpec::default()
    };
    let error = made(spec, config()).outcome.unwrap_err().to_string();
    assert!(
        error.contains("120 users are too few to be grouped into 7; give `k`"),
        "{error}"
    );
}
