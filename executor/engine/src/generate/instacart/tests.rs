//! Tests of Instacart's form and of what users do in it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::{HashMap, HashSet};
use std::path::Path;

use crate::generate::{GenerateLayout, GenerateSpec, HeaderVariant, generate};

fn spec(customers: u32) -> GenerateSpec {
    GenerateSpec {
        layout: GenerateLayout::Instacart,
        customers,
        weeks: 52,
        seed: 1,
        header: HeaderVariant::Newer,
        gzip: false,
        bad_row_share: 0.0,
    }
}

fn records(folder: &Path, file: &str) -> Vec<Vec<String>> {
    let mut reader = csv::Reader::from_path(folder.join(file)).unwrap();
    let rows = reader.records();
    rows.map(|row| row.unwrap().iter().map(str::to_owned).collect())
        .collect()
}

#[test]
fn orders_and_lines_have_the_form_of_the_real_ones() {
    let folder = tempfile::tempdir().unwrap();
    let summary = generate(&spec(400), folder.path(), &mut |_| {}).unwrap();
    assert_eq!(summary.files, 6);
    let orders = records(folder.path(), "orders.csv");
    assert_eq!(orders.len() as u64, summary.baskets);
    let ids: HashSet<&str> = orders.iter().map(|o| o[0].as_str()).collect();
    assert_eq!(ids.len(), orders.len(), "order ids are unique");
    let mut per_user: HashMap<&str, Vec<&Vec<String>>> = HashMap::new();
    for order in &orders {
        per_user.entry(&order[1]).or_default().push(order);
    }
    assert_eq!(per_user.len(), 400);
    let (mut capped, mut train) = (0, 0);
    for of_user in per_user.values() {
        assert!((4..=100).contains(&of_user.len()));
        for (at, order) in of_user.iter().enumerate() {
            assert_eq!(order[3], (at + 1).to_string());
            assert_eq!(order[5].len(), 2, "{order:?}");
            assert_eq!(order[6].is_empty(), at == 0);
            assert!(at == 0 || order[6].ends_with(".0"));
            capped += u32::from(order[6] == "30.0");
            let last = at + 1 == of_user.len();
            assert_eq!(order[2] == "prior", !last, "{order:?}");
        }
        train += u32::from(of_user.last().unwrap()[2] == "train");
    }
    assert!(
        capped > 50 && (200..310).contains(&train),
        "{capped} {train}"
    );

    let products = records(folder.path(), "products.csv");
    assert!((45_000..55_000).contains(&products.len()));
    assert!(
        products.iter().any(|p| p[1].contains('"')) && products.iter().any(|p| p[1].contains(','))
    );
    let known: HashSet<&str> = products.iter().map(|p| p[0].as_str()).collect();
    let sets: HashMap<&str, (&str, &str)> = orders
        .iter()
        .map(|o| (o[0].as_str(), (o[1].as_str(), o[2].as_str())))
        .collect();
    let (mut lines, mut again) = (0_u64, 0_u64);
    for set in ["prior", "train"] {
        let mut had: HashSet<(String, String)> = HashSet::new();
        for line in records(folder.path(), &format!("order_products__{set}.csv")) {
            let (user, of) = sets[line[0].as_str()];
            assert_eq!(of, set);
            assert!(known.contains(line[1].as_str()));
            let before = !had.insert((user.to_owned(), line[1].clone()));
            // In train, what the user had before is in the other file.
            assert!(set == "train" || before == (line[3] == "1"), "{line:?}");
            lines += 1;
            again += u64::from(line[3] == "1");
        }
    }
    assert_eq!(lines, summary.rows);
    let size = lines as f64 / orders.len() as f64;
    let share = again as f64 / lines as f64;
    // The real ones: 10.1 lines an order, .59 of them ordered before, 16.6 orders a user.
    assert!((7.0..13.0).contains(&size), "{size}");
    assert!((0.35..0.75).contains(&share), "{share}");
    assert!(
        (9.0..25.0).contains(&(orders.len() as f64 / 400.0)),
        "{}",
        orders.len()
    );
}

#[test]
fn the_same_spec_gives_the_same_bytes() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for folder in [&one, &two] {
        generate(&spec(50), folder.path(), &mut |_| {}).unwrap();
    }
    for file in ["orders.csv", "order_products__prior.csv", "products.csv"] {
        let read = |folder: &tempfile::TempDir| std::fs::read(folder.path().join(file)).unwrap();
        assert!(read(&one) == read(&two), "{file}");
    }
}
