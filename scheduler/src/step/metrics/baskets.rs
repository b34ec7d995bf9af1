//! Metrics of baskets. One hidden item per query, so HitRate@K is the share of queries whose item is
//! among the first K, and MRR@100 the mean of 1/rank (0 beyond 100); Voorhees 1999, TREC-8.

use std::collections::BTreeMap;

use pannier_proto::spec::{Metric, Question};

use super::{Mean, Measured, Method, pairs};

/// A metric's value for a query whose hidden item has this rank (0: not placed).
fn value(metric: Metric, rank: u32) -> f64 {
    match metric {
        Metric::Mrr100 if rank > 0 => 1.0 / f64::from(rank),
        Metric::At(_, k) if rank > 0 && rank <= k => 1.0,
        _ => 0.0,
    }
}

/// Counts of one method's ranks, or of a pair's, from the joint counts of all.
fn marginal<K: Ord>(joint: &[(Vec<u32>, u64)], key: impl Fn(&[u32]) -> K) -> BTreeMap<K, u64> {
    let mut counts = BTreeMap::new();
    for (ranks, n) in joint {
        *counts.entry(key(ranks)).or_insert(0) += n;
    }
    counts
}

/// All metrics. `joint`: how many queries have which ranks with the methods, in their order.
pub fn of_baskets(methods: &[Method], joint: &[(Vec<u32>, u64)], k: &[u32]) -> Measured {
    let (mut rows, mut paired) = (Vec::new(), Vec::new());
    let metrics = Metric::of(Question::Basket, k);
    for (at, method) in methods.iter().enumerate() {
        let counts = marginal(joint, |ranks| ranks[at]);
        rows.extend(metrics.iter().map(|metric| {
            let mean = Mean::of(counts.iter().map(|(rank, n)| (value(*metric, *rank), *n)));
            mean.row(method, metric.to_string(), 1.0)
        }));
    }
    for (at, other) in pairs(methods) {
        let counts = marginal(joint, |ranks| (ranks[at], ranks[other]));
        paired.extend(metrics.iter().map(|metric| {
            let apart = |(a, b): &(u32, u32)| value(*metric, *a) - value(*metric, *b);
            let mean = Mean::of(counts.iter().map(|(ranks, n)| (apart(ranks), *n)));
            mean.paired(&methods[at], &methods[other], metric.to_string())
        }));
    }
    (rows, paired)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn method(name: &str, baseline: bool) -> Method {
        Method {
            name: name.into(),
            baseline,
        }
    }

    #[test]
    fn metrics_of_a_small_case_by_hand() {
        // Ten queries: three at rank 1, two at rank 4, one at rank 12, four not placed.
        let joint = [(1, 3), (4, 2), (12, 1), (0, 4)].map(|(rank, n)| (vec![rank], n));
        let (rows, _) = of_baskets(&[method("m", false)], &joint, &[10]);
        assert!((rows[0].value - 0.5).abs() < 1e-12);
        // Sample variance of five ones and five zeros is 10/36.
        assert!((rows[0].hi - 0.5 - 1.96 * (10.0f64 / 36.0 / 10.0).sqrt()).abs() < 1e-12);
        assert!((rows[1].value - (3.0 + 0.5 + 1.0 / 12.0) / 10.0).abs() < 1e-12);
        assert_eq!(rows[0].n, 10);
    }

    #[test]
    fn paired_differences_use_the_same_queries() {
        let joint = [(vec![1, 0], 2), (vec![0, 1], 1), (vec![3, 3], 7)];
        let (_, paired) = of_baskets(&[method("a", false), method("b", true)], &joint, &[10]);
        assert!((paired[0].difference - 0.1).abs() < 1e-12);
        assert_eq!((&*paired[0].method, &*paired[0].against), ("a", "b"));
    }
}
