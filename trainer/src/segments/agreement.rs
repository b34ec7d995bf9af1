//! How far two groupings of the same users agree.

use std::collections::HashMap;

/// The adjusted Rand index (Hubert and Arabie 1985, "Comparing partitions") of two groupings, a
/// label for each user in both: 1 where they are the same but for the names of groups, 0 on average
/// where users were dealt at random; users beyond the shorter list are left out.
#[must_use]
pub fn adjusted_rand(a: &[u32], b: &[u32]) -> f64 {
    let n = a.len().min(b.len()) as u64;
    let mut both: HashMap<(u32, u32), u64> = HashMap::new();
    let (mut of_a, mut of_b): (HashMap<u32, u64>, HashMap<u32, u64>) = Default::default();
    for (a, b) in a.iter().zip(b) {
        *both.entry((*a, *b)).or_default() += 1;
        *of_a.entry(*a).or_default() += 1;
        *of_b.entry(*b).or_default() += 1;
    }
    // Whole numbers: no order of sums matters.
    let pairs = |n: &u64| u128::from(*n) * u128::from(n.saturating_sub(1)) / 2;
    let together: u128 = both.values().map(pairs).sum();
    let in_a: u128 = of_a.values().map(pairs).sum();
    let in_b: u128 = of_b.values().map(pairs).sum();
    let all = pairs(&n);
    if all == 0 || in_a == in_b && together == in_a {
        return 1.0;
    }
    let expected = in_a as f64 * in_b as f64 / all as f64;
    let most = (in_a as f64 + in_b as f64) / 2.0;
    (together as f64 - expected) / (most - expected)
}
