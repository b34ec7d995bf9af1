//! Golden batches of every transform: what it makes of some rows, and that it depends on nothing
//! but the rows and their seeds.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, Int64Array, ListArray, ListBuilder, RecordBatch, StringArray, UInt32Array,
    UInt32Builder, UInt64Array,
};
use arrow::datatypes::UInt32Type;
use arrow::util::pretty::pretty_format_batches;
use pannier_proto::feed::{Noise, PairWindow, Part, Target, Transform};

use super::*;

fn text(batch: &RecordBatch) -> String {
    pretty_format_batches(std::slice::from_ref(batch))
        .unwrap()
        .to_string()
}

/// Makes the batch, and holds that each row's part of it stays the same alone.
fn made(transform: &Transform, columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    let n = columns[0].1.len() as u64;
    let seeds = UInt64Array::from_iter_values((0..n).map(|i| 77 + i));
    let mut columns = columns;
    columns.push((RANDOM, Arc::new(seeds)));
    let rows = RecordBatch::try_from_iter(columns).unwrap();
    let maker = Maker::new(transform).unwrap();
    let whole = maker.make(&rows).unwrap();
    let alone = (0..rows.num_rows()).map(|i| maker.make(&rows.slice(i, 1)).unwrap());
    let alone: Vec<RecordBatch> = alone.collect();
    let joined = arrow::compute::concat_batches(&whole.schema(), &alone).unwrap();
    assert_eq!(
        text(&joined),
        text(&whole),
        "{} is narrow",
        transform.name()
    );
    let empty = maker.make(&RecordBatch::new_empty(rows.schema())).unwrap();
    assert_eq!(empty.schema(), whole.schema());
    whole
}

fn baskets() -> ArrayRef {
    let rows: [&[u32]; 3] = [&[2, 3, 1, 4], &[5], &[3, 2]];
    let rows = rows.map(|r| Some(r.iter().map(|i| Some(*i)).collect::<Vec<_>>()));
    Arc::new(ListArray::from_iter_primitive::<UInt32Type, _, _>(rows))
}

fn noise(draws: u32) -> Option<Noise> {
    let counts = vec![10, 5, 1, 4];
    Some(Noise {
        draws,
        power: 0.75,
        counts,
    })
}

fn pairs(window: PairWindow, negatives: Option<Noise>) -> Transform {
    Transform::Pairs {
        window,
        first_item: 2,
        keep: vec![],
        negatives,
    }
}

#[test]
fn pairs_of_a_whole_basket_with_negatives() {
    let made = made(
        &pairs(PairWindow::Basket, noise(2)),
        vec![("items", baskets())],
    );
    let expected = include_str!("golden/pairs.txt");
    assert_eq!(text(&made), expected.trim_end());
}

#[test]
fn pairs_within_a_window_are_of_the_basket() {
    let made = made(
        &pairs(PairWindow::Items(1), None),
        vec![("items", baskets())],
    );
    let expected = include_str!("golden/pairs_window.txt");
    assert_eq!(text(&made), expected.trim_end());
}

/// Three users: five baskets (3 train, 1 valid, 1 test), two (1 train, 1 test), none.
fn histories() -> Vec<(&'static str, ArrayRef)> {
    let mut lists = ListBuilder::new(ListBuilder::new(UInt32Builder::new()));
    for user in [
        &[&[2u32, 3][..], &[4], &[5, 6], &[7], &[8, 9]][..],
        &[&[3], &[]],
        &[],
    ] {
        for basket in user {
            lists.values().append_value(basket.iter().map(|i| Some(*i)));
        }
        lists.append(true);
    }
    let numbers = |n: [i64; 3]| -> ArrayRef { Arc::new(Int64Array::from(n.to_vec())) };
    vec![
        ("baskets", Arc::new(lists.finish())),
        ("train", numbers([3, 1, 0])),
        ("valid", numbers([1, 0, 0])),
        ("user_id", Arc::new(StringArray::from(vec!["a", "b", "c"]))),
    ]
}

fn sequences(part: Part, target: Target, max_history: u32) -> String {
    let transform = Transform::Sequences {
        part,
        target,
        max_history,
    };
    text(&made(&transform, histories()))
}

#[test]
fn sequences_have_a_target_behind_their_history() {
    let all = [
        ("train, last", sequences(Part::Train, Target::Last, 0)),
        ("train, first", sequences(Part::Train, Target::First, 0)),
        ("train, random", sequences(Part::Train, Target::Random, 0)),
        ("valid", sequences(Part::Valid, Target::Last, 0)),
        ("test, 2 baskets", sequences(Part::Test, Target::Last, 2)),
    ];
    let text: String = all
        .iter()
        .map(|(name, t)| format!("{name}\n{t}\n"))
        .collect();
    assert_eq!(text, include_str!("golden/sequences.txt"));
}

#[test]
fn a_random_target_is_every_basket_with_a_history() {
    let transform = Transform::Sequences {
        part: Part::Train,
        target: Target::Random,
        max_history: 0,
    };
    let maker = Maker::new(&transform).unwrap();
    let mut lengths = [0u32; 4];
    for seed in 0..400 {
        let mut columns = histories();
        columns.push((RANDOM, Arc::new(UInt64Array::from(vec![seed; 3]))));
        let rows = RecordBatch::try_from_iter(columns).unwrap();
        let made = maker.make(&rows).unwrap();
        lengths[arrow::array::AsArray::as_list::<i32>(made.column(0)).value_length(0) as usize] +=
            1;
    }
    assert_eq!((lengths[0], lengths[3]), (0, 0));
    assert!((150..250).contains(&lengths[1]), "{lengths:?}");
}

#[test]
fn counts_become_confidences() {
    let transform = Transform::Counts {
        alpha: 0.5,
        negatives: noise(2),
    };
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("user_id", Arc::new(StringArray::from(vec!["a", "a", "b"]))),
        ("item_idx", Arc::new(UInt32Array::from(vec![2, 5, 3]))),
        ("count", Arc::new(Int64Array::from(vec![1, 4, 2]))),
    ];
    let made = made(&transform, columns);
    assert_eq!(text(&made), include_str!("golden/counts.txt").trim_end());
}

#[test]
fn interactions_stand_before_those_that_did_not_happen() {
    let transform = Transform::Interactions {
        part: Part::Train,
        negatives: noise(2),
    };
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("item_idx", Arc::new(UInt32Array::from(vec![2, 4, 5]))),
        (
            "split",
            Arc::new(StringArray::from(vec!["train", "test", "train"])),
        ),
        ("price", Arc::new(Int64Array::from(vec![10, 20, 40]))),
    ];
    let made = made(&transform, columns);
    assert_eq!(
        text(&made),
        include_str!("golden/interactions.txt").trim_end()
    );
}

#[test]
fn columns_of_another_kind_are_named() {
    let numbers: ArrayRef = Arc::new(Int64Array::from(vec![1]));
    let rows = RecordBatch::try_from_iter([
        ("items", numbers),
        (RANDOM, Arc::new(UInt64Array::from(vec![1])) as ArrayRef),
    ])
    .unwrap();
    let maker = Maker::new(&pairs(PairWindow::Basket, None)).unwrap();
    let error = maker.make(&rows).unwrap_err().to_string();
    assert_eq!(
        error,
        "the transform `pairs` takes baskets (List of UInt32) as column 1, and items is Int64"
    );
    let nothing = Noise {
        draws: 1,
        power: 1.0,
        counts: vec![0],
    };
    let error = Maker::new(&pairs(PairWindow::Basket, Some(nothing))).unwrap_err();
    assert!(error.to_string().contains("no item has a count"), "{error}");
}
