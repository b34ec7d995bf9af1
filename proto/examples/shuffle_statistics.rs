//! How good the feed's shuffle is, beside a perfect one: by how many row groups a window holds.
//!
//!     cargo run --release -p pannier-proto --example shuffle_statistics
//!
//! Prints a table over one epoch of 2^21 rows in 32 row groups, in steps of 1024:
//! - travel: mean distance of a row from its place in the table, as a share of the table;
//! - apart: mean distance in the table of two rows that follow each other, the same way;
//! - correlation: of the ids of two rows that follow each other;
//! - groups: row groups that a step's rows come from;
//! - together: chance that two neighbours of the table come in the same step.

use pannier_proto::feed::{FeedSpec, mix};

const GROUP: u64 = 1 << 16;
const GROUPS: usize = 32;
const STEP: usize = 1024;

fn main() {
    println!("rows of a window   travel   apart  correlation  groups  together");
    for groups in [1, 2, 4, 8, 16, 32] {
        let feed = FeedSpec {
            shuffle: true,
            window_rows: GROUP * groups,
            ..FeedSpec::new("t", "v", vec![GROUP; GROUPS])
        };
        print(&format!("{:16}", feed.window_rows), &ids(&feed));
    }
    let rows = GROUP * GROUPS as u64;
    let mut perfect: Vec<u64> = (0..rows).collect();
    perfect.sort_by_key(|id| mix(*id ^ 0x5EED));
    print("         perfect", &perfect);
}

/// The ids of an epoch in its order.
fn ids(feed: &FeedSpec) -> Vec<u64> {
    let order = feed.order(0);
    let windows = order.windows().iter();
    windows
        .flat_map(|window| {
            let places = order.window_order(window);
            let ids = (0..window.rows).map(|at| places.id_of(places.row(at)));
            ids.collect::<Vec<u64>>()
        })
        .collect()
}

fn print(name: &str, ids: &[u64]) {
    let n = ids.len() as f64;
    let travel: f64 = ids
        .iter()
        .enumerate()
        .map(|(at, id)| (at as f64 - *id as f64).abs())
        .sum();
    let apart: f64 = ids.windows(2).map(|w| w[0].abs_diff(w[1]) as f64).sum();
    let groups: usize = ids.chunks(STEP).map(groups_of).sum();
    let mut step = vec![0u32; ids.len()];
    for (at, id) in ids.iter().enumerate() {
        step[*id as usize] = (at / STEP) as u32;
    }
    let together = step.windows(2).filter(|w| w[0] == w[1]).count();
    println!(
        "{name}   {:6.3}  {:6.3}  {:11.3}  {:6.1}  {:8.5}",
        travel / n / n,
        apart / n / n,
        correlation(ids),
        groups as f64 / ids.chunks(STEP).len() as f64,
        together as f64 / n
    );
}

fn groups_of(ids: &[u64]) -> usize {
    let mut groups: Vec<u64> = ids.iter().map(|id| id / GROUP).collect();
    groups.sort_unstable();
    groups.dedup();
    groups.len()
}

/// Pearson's, of each id and the next.
fn correlation(ids: &[u64]) -> f64 {
    let n = ids.len() as f64;
    let mean = (n - 1.0) / 2.0;
    let of = |id: &u64| *id as f64 - mean;
    let together: f64 = ids.windows(2).map(|w| of(&w[0]) * of(&w[1])).sum();
    let alone: f64 = ids.iter().map(|id| of(id).powi(2)).sum();
    together / alone
}
