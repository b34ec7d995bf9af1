//! Tests of the plain export's form: nulls, ids, quoting, broken rows.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;

use crate::generate::{GenerateLayout, GenerateSpec, HeaderVariant, generate};

fn spec(bad_row_share: f64) -> GenerateSpec {
    GenerateSpec {
        layout: GenerateLayout::Transactions,
        customers: 300,
        weeks: 6,
        seed: 1,
        header: HeaderVariant::Newer,
        gzip: false,
        bad_row_share,
    }
}

/// Records of the file, and the numbers of rows and of broken rows that the generator tells.
fn records(spec: &GenerateSpec) -> (Vec<Vec<Vec<u8>>>, u64, u64) {
    let folder = tempfile::tempdir().unwrap();
    let summary = generate(spec, folder.path(), &mut |_| {}).unwrap();
    assert_eq!(summary.files, 1);
    let mut reader = csv::ReaderBuilder::new()
        .flexible(true)
        .from_path(folder.path().join("purchases.csv"))
        .unwrap();
    let rows = reader
        .byte_records()
        .map(|row| row.unwrap().iter().map(<[u8]>::to_vec).collect())
        .collect();
    (rows, summary.rows, summary.bad_rows)
}

#[test]
fn lines_have_nulls_and_float_ids_in_the_observed_shares() {
    let (rows, told, broken) = records(&spec(0.0));
    assert_eq!((rows.len() as u64, broken), (told, 0));
    let mut nulls: BTreeMap<usize, usize> = BTreeMap::new();
    for row in &rows {
        assert_eq!(row.len(), 8);
        for (at, field) in row.iter().enumerate() {
            *nulls.entry(at).or_default() += usize::from(field == b"\\N");
        }
        let id = str::from_utf8(&row[6]).unwrap();
        assert!(
            id == "\\N" || id.strip_suffix(".0").unwrap().parse::<u32>().is_ok(),
            "{id}"
        );
    }
    let share = |at: usize| nulls[&at] as f64 / rows.len() as f64;
    for (at, expected) in [
        (0, 0.0),
        (1, 0.346),
        (2, 0.125),
        (3, 0.176),
        (4, 0.189),
        (6, 0.257),
    ] {
        assert!(
            (share(at) - expected).abs() < 0.02,
            "column {at}: {}",
            share(at)
        );
    }
}

#[test]
fn broken_rows_are_counted() {
    let (rows, told, broken) = records(&spec(0.05));
    assert_eq!(rows.len() as u64, told);
    let share = broken as f64 / told as f64;
    assert!((share - 0.05).abs() < 0.01, "{share}");
    let odd = rows.iter().filter(|row| row.len() != 8).count() as u64;
    assert!(odd > broken / 4 && odd < broken);
}
