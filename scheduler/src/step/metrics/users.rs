//! Metrics of users' lists. What a user bought is relevant, all else is not. With h hits among the first
//! K of a list, and n things bought, of which some may be unknown to the vocab and so in no list:
//! - nDCG@K = Σ over hits of 1/log2(rank + 1), over the same sum of the first min(K, n) ranks (Järvelin
//!   and Kekäläinen 2002); nDCG-all@K = the same over the sum of the first n ranks, as in the code of
//!   "A Next Basket Recommendation Reality Check" (Li et al. 2023), which never exceeds the other;
//! - MAP@K = mean over users of Σ over hits of (hits so far / rank), over min(K, n) (Buckley and Voorhees
//!   2000, cut off at K);
//! - precision@K = h/K, recall@K = h/n, user hit rate@K = 1 where h > 0;
//! - repeat and explore recall@K = the same of those of the n that the user had bought before, and of the
//!   others, over the users who have such; repeat share@K = share of a list that the user had bought
//!   before (Li et al. 2023);
//! - coverage@K = items that are in any list, over those of the catalogue (Ge et al. 2010);
//! - diversity@K = share of a list's pairs that are of different departments (Smyth and McClave 2001,
//!   with similarity 1 within a department and 0 across);
//! - novelty@K = mean over a list of -log2 of the item's share of all purchases (Zhou et al. 2010).

use std::collections::{BTreeMap, BTreeSet};

use pannier_proto::ranking::ndcg;
use pannier_proto::spec::{Metric, MetricKind, Question};

use super::{Mean, Measured, Method, pairs};

/// What is known of items, by index.
#[derive(Debug, Default)]
pub struct Catalogue {
    /// How often each was bought, and the number of its department.
    items: BTreeMap<u32, (u64, Option<usize>)>,
    departments: Vec<String>,
    bought: u64,
}

impl Catalogue {
    /// Adds an item.
    pub fn add(&mut self, item: u32, count: u64, department: Option<&str>) {
        let number = department.map(|name| {
            let known = self.departments.iter().position(|d| d == name);
            known.unwrap_or_else(|| {
                self.departments.push(name.to_owned());
                self.departments.len() - 1
            })
        });
        self.items.insert(item, (count, number));
        self.bought += count;
    }

    fn novelty(&self, list: &[u32]) -> f64 {
        let of = |item: &u32| {
            let count = self.items.get(item).map_or(0, |(count, _)| *count).max(1);
            -(count as f64 / self.bought.max(1) as f64).log2()
        };
        list.iter().map(of).sum::<f64>() / list.len().max(1) as f64
    }

    /// Nothing where there are no two items of known departments.
    fn diversity(&self, list: &[u32]) -> Option<f64> {
        let of = |item: &u32| self.items.get(item).and_then(|(_, department)| *department);
        let known: Vec<usize> = list.iter().filter_map(of).collect();
        let pairs = known.len() * known.len().saturating_sub(1) / 2;
        let apart = |at: usize| known[at + 1..].iter().filter(|d| **d != known[at]).count();
        let apart: usize = (0..known.len()).map(apart).sum();
        (pairs > 0).then(|| apart as f64 / pairs as f64)
    }
}

/// What a user bought that was held out.
#[derive(Debug, Default)]
pub struct Targets {
    /// Items, ascending.
    pub items: Vec<u32>,
    /// All things, those that the vocab does not know too.
    pub bought: u64,
    /// What the user had bought before, ascending.
    pub known: Vec<u32>,
}

impl Targets {
    fn is_known(&self, item: &u32) -> bool {
        self.known.binary_search(item).is_ok()
    }
}

/// What users bought, and what they were given.
#[derive(Debug)]
pub struct Lists {
    /// By user: what was bought.
    pub targets: Vec<Targets>,
    /// By method and user: items, best first.
    pub of_method: Vec<Vec<Vec<u32>>>,
    /// What is known of items.
    pub catalogue: Catalogue,
}

/// All metrics.
pub fn of_users(methods: &[Method], lists: &Lists, k: &[u32]) -> Measured {
    let (mut rows, mut paired) = (Vec::new(), Vec::new());
    for metric in Metric::of(Question::User, k) {
        let Metric::At(kind, k) = metric else {
            continue;
        };
        let k = k as usize;
        if kind == MetricKind::Coverage {
            rows.extend(
                methods
                    .iter()
                    .zip(&lists.of_method)
                    .map(|(method, of_users)| {
                        let (value, n) = (coverage(of_users, k, lists), of_users.len() as u64);
                        Mean {
                            value,
                            half: 0.0,
                            n,
                        }
                        .row(method, metric.to_string(), 1.0)
                    }),
            );
            continue;
        }
        let most = if kind == MetricKind::Novelty {
            f64::INFINITY
        } else {
            1.0
        };
        let values: Vec<Vec<Option<f64>>> = lists
            .of_method
            .iter()
            .map(|of_users| {
                let users = of_users.iter().zip(&lists.targets);
                let value = |(list, targets): (&Vec<u32>, &Targets)| {
                    let first = &list[..k.min(list.len())];
                    value(kind, k, first, targets, &lists.catalogue)
                };
                users.map(value).collect()
            })
            .collect();
        for (method, values) in methods.iter().zip(&values) {
            let mean = Mean::of(values.iter().flatten().map(|v| (*v, 1)));
            if mean.n > 0 {
                rows.push(mean.row(method, metric.to_string(), most));
            }
        }
        // What a list is like is neither better nor worse.
        if matches!(
            kind,
            MetricKind::Diversity | MetricKind::Novelty | MetricKind::RepeatShare
        ) {
            continue;
        }
        for (at, other) in pairs(methods) {
            let both = values[at].iter().zip(&values[other]);
            let apart = both.filter_map(|(a, b)| Some(((*a)? - (*b)?, 1)));
            let mean = Mean::of(apart);
            if mean.n > 0 {
                paired.push(mean.paired(&methods[at], &methods[other], metric.to_string()));
            }
        }
    }
    (rows, paired)
}

fn coverage(of_users: &[Vec<u32>], k: usize, lists: &Lists) -> f64 {
    let given: BTreeSet<u32> = of_users
        .iter()
        .flat_map(|list| list.iter().take(k).copied())
        .collect();
    given.len() as f64 / lists.catalogue.items.len().max(1) as f64
}

/// A metric of one user's first places.
fn value(
    kind: MetricKind,
    k: usize,
    first: &[u32],
    targets: &Targets,
    catalogue: &Catalogue,
) -> Option<f64> {
    let is_hit = |item: &u32| targets.items.binary_search(item).is_ok();
    let hits = || {
        first
            .iter()
            .zip(1..)
            .filter(|(item, _)| is_hit(item))
            .map(|(_, rank)| rank)
    };
    let count = hits().count() as f64;
    let bought = targets.bought as usize;
    let ideal = k.min(bought);
    match kind {
        MetricKind::Diversity => catalogue.diversity(first),
        MetricKind::Novelty => Some(catalogue.novelty(first)),
        MetricKind::RepeatShare => {
            let known = first.iter().filter(|item| targets.is_known(item)).count();
            (!first.is_empty()).then(|| known as f64 / first.len() as f64)
        }
        // Without anything bought there is nothing to hit.
        _ if bought == 0 => None,
        MetricKind::Ndcg => Some(ndcg(hits(), k, bought)),
        MetricKind::NdcgAll => Some(ndcg(hits(), bought.max(k), bought)),
        MetricKind::Map => {
            let precisions = hits()
                .zip(1..)
                .map(|(rank, so_far)| f64::from(so_far) / rank as f64);
            Some(precisions.sum::<f64>() / ideal as f64)
        }
        MetricKind::Precision => Some(count / k as f64),
        MetricKind::Recall => Some(count / targets.bought as f64),
        MetricKind::RecallRepeat => part(first, targets, true),
        MetricKind::RecallExplore => part(first, targets, false),
        MetricKind::UserHitRate | MetricKind::HitRate => Some(f64::from(count > 0.0)),
        MetricKind::Coverage => None,
    }
}

/// Recall of what the user had bought before, or of the rest; nothing where the user bought none of it.
fn part(first: &[u32], targets: &Targets, known: bool) -> Option<f64> {
    let repeats = targets.items.iter().filter(|i| targets.is_known(i)).count();
    let bought = match known {
        true => repeats,
        false => (targets.bought as usize).saturating_sub(repeats),
    };
    let of_part =
        |item: &&u32| targets.items.binary_search(item).is_ok() && targets.is_known(item) == known;
    let hits = first.iter().filter(of_part).count();
    (bought > 0).then(|| hits as f64 / bought as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two users and two methods.
    fn lists() -> Lists {
        let mut catalogue = Catalogue::default();
        for (item, count, department) in [
            (2, 8, Some("a")),
            (3, 4, Some("a")),
            (4, 2, Some("b")),
            (5, 2, None),
        ] {
            catalogue.add(item, count, department);
        }
        Lists {
            // The first bought 4 before, and something unknown now.
            targets: vec![
                Targets {
                    items: vec![2, 4, 5],
                    bought: 4,
                    known: vec![3, 4],
                },
                Targets {
                    items: vec![3],
                    bought: 1,
                    known: vec![],
                },
            ],
            of_method: vec![
                vec![vec![4, 3, 2], vec![2, 3, 4]],
                vec![vec![2, 3], vec![2, 4]],
            ],
            catalogue,
        }
    }

    fn measured() -> Measured {
        let method = |name: &str, baseline| Method {
            name: name.into(),
            baseline,
        };
        of_users(&[method("m", false), method("b", true)], &lists(), &[2])
    }

    #[test]
    fn metrics_of_a_small_case_by_hand() {
        let (rows, _) = measured();
        let of = |metric: &str, method: &str| {
            let row = rows
                .iter()
                .find(|r| r.metric == metric && r.method == method);
            row.map(|r| r.value).unwrap_or(f64::NAN)
        };
        let log = |x: f64| x.log2();
        // User 1: a hit at rank 1 of two possible; user 2: a hit at rank 2 of one possible.
        let ndcg = (1.0 / (1.0 + 1.0 / log(3.0)) + 1.0 / log(3.0)) / 2.0;
        let four = 1.0 + 1.0 / log(3.0) + 1.0 / log(4.0) + 1.0 / log(5.0);
        let expected = [
            ("ndcg@2", ndcg),
            ("map@2", (0.5 + 0.5) / 2.0),
            ("precision@2", 0.5),
            ("ndcg_all@2", (1.0 / four + 1.0 / log(3.0)) / 2.0),
            ("recall@2", (1.0 / 4.0 + 1.0) / 2.0),
            // User 1: 4 of 4, and none of 2, 5 and the unknown; user 2 had bought nothing before.
            ("recall_repeat@2", 1.0),
            ("recall_explore@2", (0.0 + 1.0) / 2.0),
            // Both of (4, 3), none of (2, 3).
            ("repeat_share@2", 0.5),
            ("user_hit_rate@2", 1.0),
            // Items 2, 3 and 4 of four.
            ("coverage@2", 0.75),
            // (4, 3) are of two departments, (2, 3) of one.
            ("diversity@2", 0.5),
            // Shares 1/8, 1/4 and 1/2, 1/4.
            ("novelty@2", (2.5 + 1.5) / 2.0),
        ];
        for (metric, value) in expected {
            assert!(
                (of(metric, "m") - value).abs() < 1e-12,
                "{metric}: {}",
                of(metric, "m")
            );
        }
        assert!((of("user_hit_rate@2", "b") - 0.5).abs() < 1e-12);
    }

    #[test]
    fn differences_are_over_the_same_users() {
        let (_, paired) = measured();
        let recall = paired
            .iter()
            .find(|p| p.metric == "recall@2")
            .map(|p| p.difference);
        // 1/4 and 1 against 1/4 and 0.
        assert!(
            recall.is_some_and(|d| (d - 0.5).abs() < 1e-12),
            "{recall:?}"
        );
    }
}
