//! Tests of REES46's form and of the shares of what happens in it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::{HashMap, HashSet};

use crate::generate::{GenerateLayout, GenerateSpec, HeaderVariant, generate};

fn spec(customers: u32) -> GenerateSpec {
    GenerateSpec {
        layout: GenerateLayout::Rees46,
        customers,
        weeks: 5,
        seed: 1,
        header: HeaderVariant::Newer,
        gzip: false,
        bad_row_share: 0.0,
    }
}

#[test]
fn events_have_the_form_and_the_shares_of_the_real_ones() {
    let folder = tempfile::tempdir().unwrap();
    let summary = generate(&spec(4_000), folder.path(), &mut |_| {}).unwrap();
    // 1 October to 4 November.
    assert_eq!(summary.files, 2);
    let mut kinds: HashMap<String, u64> = HashMap::new();
    let mut users_of: HashMap<String, HashSet<String>> = HashMap::new();
    let (mut last, mut rows, mut blank) = (String::new(), 0_u64, [0_u64; 2]);
    let mut pairs: HashSet<(String, String)> = HashSet::new();
    for file in ["2019-Oct.csv", "2019-Nov.csv"] {
        let mut reader = csv::Reader::from_path(folder.path().join(file)).unwrap();
        for row in reader.records() {
            let row = row.unwrap();
            assert!(row[0].ends_with(" UTC") && row[0].len() == 23, "{row:?}");
            assert!(row[0] >= *last, "{row:?} after {last}");
            last = row[0].to_owned();
            assert_eq!(row[3].len(), 19);
            assert_eq!(row[8].len(), 36);
            let price = row[6].split_once('.').unwrap();
            assert!(
                price.0.parse::<u32>().is_ok() && price.1.len() == 2,
                "{row:?}"
            );
            blank[0] += u64::from(row[4].is_empty());
            blank[1] += u64::from(row[5].is_empty());
            *kinds.entry(row[1].to_owned()).or_default() += 1;
            users_of
                .entry(row[8].to_owned())
                .or_default()
                .insert(row[7].to_owned());
            pairs.insert((row[8].to_owned(), row[2].to_owned()));
            rows += 1;
        }
    }
    assert_eq!(rows, summary.rows);
    assert_eq!(users_of.len() as u64, summary.baskets);
    assert!(
        users_of.values().any(|users| users.len() == 2),
        "a session of two users"
    );
    let share = |n: u64| n as f64 / rows as f64;
    let (carts, bought) = (share(kinds["cart"]), share(kinds["purchase"]));
    println!(
        "{kinds:?} {rows} rows, {} sessions, {} pairs, {blank:?} blank",
        users_of.len(),
        pairs.len()
    );
    // The real ones: .0187 and .0181; 5 events and 3.2 products a session.
    assert!(
        (0.011..0.028).contains(&carts) && (0.011..0.028).contains(&bought),
        "{carts} {bought}"
    );
    let size = rows as f64 / users_of.len() as f64;
    assert!((4.0..6.0).contains(&size), "{size}");
    let products = pairs.len() as f64 / users_of.len() as f64;
    assert!((2.3..3.8).contains(&products), "{products}");
    assert!((0.1..0.5).contains(&share(blank[0])) && (0.05..0.3).contains(&share(blank[1])));
}

#[test]
fn the_same_spec_gives_the_same_bytes_and_another_seed_others() {
    let bytes = |seed: u64| {
        let folder = tempfile::tempdir().unwrap();
        let spec = GenerateSpec { seed, ..spec(200) };
        generate(&spec, folder.path(), &mut |_| {}).unwrap();
        std::fs::read(folder.path().join("2019-Oct.csv")).unwrap()
    };
    assert!(bytes(1) == bytes(1));
    assert!(bytes(1) != bytes(2));
}
