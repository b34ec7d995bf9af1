//! What every order must be, whatever the table, the seed and the sizes.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

fn feed(groups: &[u64], seed: u64, batch: u64, window: u64) -> FeedSpec {
    FeedSpec {
        seed,
        shuffle: true,
        batch_rows: batch,
        window_rows: window,
        ..FeedSpec::new("t", "v", groups.to_vec())
    }
}

/// Row ids at places of an epoch's order.
fn ids(order: &EpochOrder, range: Range<u64>) -> Vec<u64> {
    let mut out = Vec::new();
    for span in order.spans(range) {
        let rows = order.window_order(&order.windows()[span.window]);
        out.extend(span.range.map(|place| rows.id_of(rows.row(place))));
    }
    out
}

fn sizes() -> impl Strategy<Value = Vec<u64>> {
    proptest::collection::vec(0u64..40, 0..12)
}

proptest! {
    #[test]
    fn every_row_exactly_once(groups in sizes(), seed: u64, epoch in 0u64..5, batch in 1u64..50, window in 1u64..80) {
        let feed = feed(&groups, seed, batch, window);
        let order = feed.order(epoch);
        let mut all = Vec::new();
        for step in 0..order.steps() {
            let rows = order.step_rows(step);
            prop_assert!(!rows.is_empty());
            prop_assert_eq!(order.spans(rows.clone())[0].window, order.window_of_step(step));
            all.extend(ids(&order, rows));
        }
        let in_order = all.clone();
        all.sort_unstable();
        prop_assert_eq!(all, (0..groups.iter().sum()).collect::<Vec<u64>>());
        let again = feed.order(epoch);
        prop_assert_eq!(ids(&again, 0..again.rows()), in_order);
    }

    #[test]
    fn replicas_share_the_same_global_steps(
        groups in sizes(), seed: u64, batch in 1u64..50, window in 1u64..80, last in 0usize..3,
    ) {
        let last = [LastStep::Short, LastStep::Drop, LastStep::Pad][last];
        let order = FeedSpec { last, ..feed(&groups, seed, batch, window) }.order(1);
        for step in 0..order.steps() {
            let rows = order.step_rows(step);
            let whole = ids(&order, rows.clone());
            for replicas in [1, 2, 3, 4, 8] {
                let slices: Vec<_> = (0..replicas).map(|r| replica_slice(rows.clone(), r, replicas)).collect();
                let parts: Vec<u64> = slices.iter().flat_map(|s| ids(&order, s.clone())).collect();
                prop_assert_eq!(&parts, &whole);
                let sizes = slices.iter().map(|s| s.end - s.start);
                let (low, high) = (sizes.clone().min().unwrap_or(0), sizes.max().unwrap_or(0));
                prop_assert!(high - low <= 1, "no replica has more than one row more than another");
            }
        }
    }

    #[test]
    fn the_end_of_an_epoch_is_as_the_feed_says(groups in sizes(), batch in 1u64..50, epoch in 0u64..3) {
        let total: u64 = groups.iter().sum();
        let of = |last| FeedSpec { last, ..feed(&groups, 5, batch, 16) };
        let (short, drop, pad) = (of(LastStep::Short), of(LastStep::Drop), of(LastStep::Pad));
        let sizes = |feed: &FeedSpec| -> Vec<usize> {
            let order = feed.order(epoch);
            assert_eq!(order.steps(), feed.steps(), "known without the order");
            (0..order.steps()).map(|s| ids(&order, order.step_rows(s)).len()).collect()
        };
        prop_assert_eq!(sizes(&short).iter().sum::<usize>() as u64, total);
        prop_assert!(sizes(&drop).iter().all(|s| *s as u64 == batch));
        prop_assert_eq!(sizes(&drop).len() as u64, total / batch);
        prop_assert!(sizes(&pad).iter().all(|s| *s as u64 == batch));
        prop_assert_eq!(sizes(&pad).len(), sizes(&short).len());
        // What fills the last step are the epoch's first rows, and no other step differs.
        if total > 0 {
            let (order, padded) = (short.order(epoch), pad.order(epoch));
            let from = order.step_rows(order.steps() - 1).start;
            let mut expected = ids(&order, from..total);
            let mut first = ids(&order, 0..total).into_iter().cycle();
            expected.extend(first.by_ref().take(batch as usize - expected.len()));
            prop_assert_eq!(ids(&padded, padded.step_rows(padded.steps() - 1)), expected);
            prop_assert_eq!(ids(&padded, 0..from), ids(&order, 0..from));
        }
    }

    #[test]
    fn unshuffled_is_table_order(groups in sizes(), batch in 1u64..50) {
        let feed = FeedSpec { shuffle: false, ..feed(&groups, 1, batch, 16) };
        let order = feed.order(0);
        prop_assert_eq!(ids(&order, 0..order.rows()), (0..order.rows()).collect::<Vec<u64>>());
    }

    #[test]
    fn rows_are_sorted_by_their_hash(n in 0u32..20_000, seed: u64) {
        let hash = |row: u32| mix(seed ^ mix(u64::from(row)));
        let mut expected: Vec<u32> = (0..n).collect();
        expected.sort_by_key(|row| hash(*row));
        prop_assert_eq!(sorted_by(n, hash), expected);
    }
}

#[test]
fn another_order_in_every_epoch() {
    let feed = feed(&[100; 10], 7, 64, 300);
    let of = |epoch| ids(&feed.order(epoch), 0..1000);
    let epochs: Vec<Vec<u64>> = (0..20).map(of).collect();
    for (i, a) in epochs.iter().enumerate() {
        for b in &epochs[..i] {
            let same = a.iter().zip(b).filter(|(x, y)| x == y).count();
            assert!(same < 20, "epochs share {same} places of 1000");
        }
    }
}

/// Inside one window the order is as good as a perfect shuffle: every row is at every place equally
/// often, by a chi-squared test over many epochs (99 degrees of freedom; beyond 150 is 1 in 1000).
#[test]
fn a_window_is_shuffled_evenly() {
    let feed = feed(&[40], 11, 8, 40);
    let mut at: BTreeMap<(u64, usize), f64> = BTreeMap::new();
    let epochs = 4000u32;
    for epoch in 0..u64::from(epochs) {
        for (place, id) in ids(&feed.order(epoch), 0..40).into_iter().enumerate() {
            *at.entry((id / 4, place / 4)).or_default() += 1.0;
        }
    }
    // 4 rows by 4 places by chance 1/40.
    let expected = f64::from(epochs) * 16.0 / 40.0;
    let chi: f64 = at.values().map(|n| (n - expected).powi(2) / expected).sum();
    assert_eq!(at.len(), 100);
    assert!(chi < 150.0, "{chi}");
}

/// Golden: the order is part of every digest there is, so it must never change.
#[test]
fn the_order_is_this_one_for_ever() {
    let feed = feed(&[5, 3, 4], 1, 4, 6);
    let order = feed.order(0);
    let expected = [9, 5, 8, 10, 6, 11, 7, 1, 4, 3, 0, 2];
    assert_eq!(ids(&order, 0..order.rows()), expected);
}
