//! Metrics from counts of ranks. Pure. One hidden item per query, so HitRate@K is the share of
//! queries whose item is among the first K, and MRR@100 the mean of 1/rank (0 beyond 100);
//! Voorhees 1999, TREC-8. Intervals are the normal approximation, ±1.96 standard errors over
//! queries.

use std::collections::BTreeMap;

use pannier_proto::event::{MetricRow, PairedRow};

const Z: f64 = 1.96;

/// Mean and half width of its 95 % interval from values with their counts.
fn mean(values: impl Iterator<Item = (f64, u64)> + Clone) -> (f64, f64, u64) {
    let n: u64 = values.clone().map(|(_, c)| c).sum();
    if n == 0 {
        return (0.0, 0.0, 0);
    }
    let count = n as f64;
    let mean = values.clone().map(|(v, c)| v * c as f64).sum::<f64>() / count;
    let variance = values
        .map(|(v, c)| (v - mean).powi(2) * c as f64)
        .sum::<f64>()
        / (count - 1.0).max(1.0);
    (mean, Z * (variance / count).sqrt(), n)
}

/// A metric: its name, and its value for a query whose hidden item has this rank (0: not placed).
type Metric = (String, Box<dyn Fn(u32) -> f64>);

/// The metrics asked for, in the order in which they are shown.
fn metrics(k: &[u32]) -> Vec<Metric> {
    let mut all: Vec<Metric> = Vec::new();
    for k in k.iter().copied() {
        let hit = move |rank| f64::from(u8::from(rank > 0 && rank <= k));
        all.push((format!("hit_rate@{k}"), Box::new(hit)));
    }
    let reciprocal = |rank| if rank > 0 { 1.0 / f64::from(rank) } else { 0.0 };
    all.push(("mrr@100".into(), Box::new(reciprocal)));
    all
}

/// Where a metric stands in lists.
pub fn place(metric: &str, k: &[u32]) -> usize {
    metrics(k)
        .iter()
        .position(|(name, _)| name == metric)
        .unwrap_or(usize::MAX)
}

/// Counts of one method's ranks, or of a pair's, from the joint counts of all.
pub fn marginal<K: Ord>(joint: &[(Vec<u32>, u64)], key: impl Fn(&[u32]) -> K) -> BTreeMap<K, u64> {
    let mut counts = BTreeMap::new();
    for (ranks, n) in joint {
        *counts.entry(key(ranks)).or_insert(0) += n;
    }
    counts
}

/// A method's metrics.
pub fn rows(method: &str, counts: &BTreeMap<u32, u64>, k: &[u32]) -> Vec<MetricRow> {
    let row = |(metric, of): Metric| {
        let (value, half, n) = mean(counts.iter().map(|(rank, n)| (of(*rank), *n)));
        MetricRow {
            method: method.into(),
            metric,
            value,
            lo: (value - half).max(0.0),
            hi: (value + half).min(1.0),
            n,
        }
    };
    metrics(k).into_iter().map(row).collect()
}

/// Differences of a method against another over the same queries.
pub fn paired(
    method: &str,
    against: &str,
    counts: &BTreeMap<(u32, u32), u64>,
    k: &[u32],
) -> Vec<PairedRow> {
    let row = |(metric, of): Metric| {
        let (difference, half, _) = mean(counts.iter().map(|((a, b), n)| (of(*a) - of(*b), *n)));
        PairedRow {
            method: method.into(),
            against: against.into(),
            metric,
            difference,
            lo: difference - half,
            hi: difference + half,
        }
    };
    metrics(k).into_iter().map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_of_a_small_case_by_hand() {
        // Ten queries: three at rank 1, two at rank 4, one at rank 12, four not placed.
        let rows = rows(
            "m",
            &BTreeMap::from([(1, 3), (4, 2), (12, 1), (0, 4)]),
            &[10],
        );
        assert!((rows[0].value - 0.5).abs() < 1e-12);
        // Sample variance of five ones and five zeros is 10/36.
        assert!((rows[0].hi - 0.5 - 1.96 * (10.0f64 / 36.0 / 10.0).sqrt()).abs() < 1e-12);
        assert!((rows[1].value - (3.0 + 0.5 + 1.0 / 12.0) / 10.0).abs() < 1e-12);
        assert_eq!(rows[0].n, 10);
    }

    #[test]
    fn paired_differences_use_the_same_queries() {
        let paired = paired(
            "a",
            "b",
            &BTreeMap::from([((1, 0), 2), ((0, 1), 1), ((3, 3), 7)]),
            &[10],
        );
        assert!((paired[0].difference - 0.1).abs() < 1e-12);
    }
}
