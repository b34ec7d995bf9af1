//! Metrics of decisions: how well a probability tells what was bought from what was not.
//!
//! Intervals are by users, whose decisions hang together: each metric is linearised, a decision
//! counts for as much as the metric moves with its weight, and the variance of a metric is that of the
//! sums of its users. Of AUC these are the structural components of Obuchowski 1997 ("Nonparametric
//! analysis of clustered ROC curve data", Biometrics 53). Differences of two methods are linearised on the
//! same decisions.

use pannier_proto::event::{CalibrationRow, CurveRow};
use pannier_proto::spec::{DecisionMetric, Metric};

use super::{Mean, Measured, Method, Z, pairs};

/// Probabilities are held this far from 0 and 1, or one that is wrong and certain would cost all.
const CERTAIN: f64 = 1e-7;

/// Where rows of the calibration begin. Most probabilities are small, so most rows are there.
const FROM: [f64; 12] = [
    0.0, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8,
];

/// Points of a curve at most, besides its ends.
const POINTS: usize = 100;

/// The held-out decisions and what each method said of them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Decisions {
    /// The user of each, as a number below the number of users.
    pub users: Vec<usize>,
    /// Whether it was bought.
    pub bought: Vec<bool>,
    /// The probability that it is, of each method.
    pub of_method: Vec<Vec<f32>>,
    /// Above it, it is foretold to be.
    pub threshold: f64,
}

/// A metric of one method, and how far it moves with the weight of each user.
struct Linear {
    value: f64,
    /// By user; their sum is 0.
    moved: Vec<f64>,
    /// Decisions behind the value.
    n: u64,
}

/// All metrics and, of models against baselines, differences.
pub fn of_decisions(methods: &[Method], asked: &Decisions) -> Measured {
    let (mut rows, mut paired) = (Vec::new(), Vec::new());
    let measured: Vec<Vec<Linear>> = asked
        .of_method
        .iter()
        .map(|scores| measure(asked, scores))
        .collect();
    for (method, of_method) in methods.iter().zip(&measured) {
        for (metric, linear) in DecisionMetric::ALL.into_iter().zip(of_method) {
            let most = match metric {
                DecisionMetric::LogLoss => f64::INFINITY,
                _ => 1.0,
            };
            let mean = linear.mean(linear.moved.iter().copied());
            rows.push(mean.row(method, Metric::Decision(metric).to_string(), most));
        }
    }
    for (at, other) in pairs(methods) {
        for (place, metric) in DecisionMetric::ALL.into_iter().enumerate() {
            let (a, b) = (&measured[at][place], &measured[other][place]);
            let apart = a.moved.iter().zip(&b.moved).map(|(a, b)| a - b);
            let mean = Mean {
                value: a.value - b.value,
                ..a.mean(apart)
            };
            let name = Metric::Decision(metric).to_string();
            paired.push(mean.paired(&methods[at], &methods[other], name));
        }
    }
    (rows, paired)
}

impl Linear {
    /// With half the width of the interval of what moves so.
    fn mean(&self, moved: impl Iterator<Item = f64>) -> Mean {
        let users = self.moved.len() as f64;
        let squares: f64 = moved.map(|m| m * m).sum();
        let variance = squares * users / (users - 1.0).max(1.0);
        Mean {
            value: self.value,
            half: Z * variance.sqrt(),
            n: self.n,
        }
    }
}

/// Every metric, in the order of [`DecisionMetric::ALL`].
fn measure(asked: &Decisions, scores: &[f32]) -> Vec<Linear> {
    let ranked = Ranked::new(&asked.bought, scores);
    let foretold = |at: usize| f64::from(scores[at]) > asked.threshold;
    let one = |yes: bool| f64::from(u8::from(yes));
    let of = |metric| match metric {
        DecisionMetric::Auc => ranked.auc(asked),
        DecisionMetric::PrAuc => ranked.average_precision(asked),
        DecisionMetric::LogLoss => share(
            asked,
            |_| true,
            |at| {
                let p = f64::from(scores[at]).clamp(CERTAIN, 1.0 - CERTAIN);
                -if asked.bought[at] { p } else { 1.0 - p }.ln()
            },
        ),
        DecisionMetric::Accuracy => {
            share(asked, |_| true, |at| one(foretold(at) == asked.bought[at]))
        }
        DecisionMetric::Precision => share(asked, foretold, |at| one(asked.bought[at])),
        DecisionMetric::Recall => share(asked, |at| asked.bought[at], |at| one(foretold(at))),
    };
    DecisionMetric::ALL.into_iter().map(of).collect()
}

/// The sums of users.
fn by_user(asked: &Decisions, moved: impl Iterator<Item = f64>) -> Vec<f64> {
    let users = asked.users.iter().max().map_or(0, |most| most + 1);
    let mut sums = vec![0.0; users];
    for (user, moved) in asked.users.iter().zip(moved) {
        sums[*user] += moved;
    }
    sums
}

/// The mean of a value over some decisions; 0 over none.
fn share(
    asked: &Decisions,
    counts: impl Fn(usize) -> bool,
    value: impl Fn(usize) -> f64,
) -> Linear {
    let all = 0..asked.bought.len();
    let counted = all.clone().filter(|at| counts(*at));
    let n = counted.clone().count();
    let over = n.max(1) as f64;
    let mean = counted.map(&value).sum::<f64>() / over;
    let moved = all.map(|at| {
        if counts(at) {
            (value(at) - mean) / over
        } else {
            0.0
        }
    });
    Linear {
        value: mean,
        moved: by_user(asked, moved),
        n: n as u64,
    }
}

/// Decisions with equal scores.
struct Group {
    score: f32,
    /// Bought, of it.
    bought: f64,
    /// Not bought, of it.
    left: f64,
}

/// Decisions by their scores, the highest first.
struct Ranked {
    groups: Vec<Group>,
    /// Group of each decision.
    group: Vec<usize>,
    bought: f64,
    left: f64,
}

impl Ranked {
    fn new(bought: &[bool], scores: &[f32]) -> Self {
        let mut order: Vec<usize> = (0..scores.len()).collect();
        order.sort_unstable_by(|a, b| scores[*b].total_cmp(&scores[*a]).then(a.cmp(b)));
        let mut groups: Vec<Group> = Vec::new();
        let mut group = vec![0; scores.len()];
        for at in order {
            let score = scores[at];
            if groups.last().is_none_or(|last| last.score != score) {
                groups.push(Group {
                    score,
                    bought: 0.0,
                    left: 0.0,
                });
            }
            group[at] = groups.len() - 1;
            if let Some(last) = groups.last_mut() {
                if bought[at] {
                    last.bought += 1.0;
                } else {
                    last.left += 1.0;
                }
            }
        }
        let sum = |of: fn(&Group) -> f64| groups.iter().map(of).sum();
        Self {
            bought: sum(|g| g.bought),
            left: sum(|g| g.left),
            groups,
            group,
        }
    }

    /// The share of pairs of a bought and another decision of which the bought one has the higher score,
    /// equal ones for a half (Mann and Whitney 1947; Hanley and McNeil 1982). One half where there is no
    /// pair.
    fn auc(&self, asked: &Decisions) -> Linear {
        let n = asked.bought.len() as u64;
        if self.bought == 0.0 || self.left == 0.0 {
            let moved = by_user(asked, asked.bought.iter().map(|_| 0.0));
            return Linear {
                value: 0.5,
                moved,
                n,
            };
        }
        // For each group: bought above it, others below it, those of it for a half.
        let (mut above, mut passed) = (0.0, 0.0);
        let sides: Vec<(f64, f64)> = self
            .groups
            .iter()
            .map(|g| {
                let side = (
                    (above + g.bought / 2.0) / self.bought,
                    (self.left - passed - g.left / 2.0) / self.left,
                );
                above += g.bought;
                passed += g.left;
                side
            })
            .collect();
        let wins = self.groups.iter().zip(&sides);
        let value = wins.map(|(g, side)| g.bought * side.1).sum::<f64>() / self.bought;
        let moved = asked.bought.iter().zip(&self.group).map(|(bought, group)| {
            let side = &sides[*group];
            if *bought {
                (side.1 - value) / self.bought
            } else {
                (side.0 - value) / self.left
            }
        });
        Linear {
            value,
            moved: by_user(asked, moved),
            n,
        }
    }

    /// The mean over bought decisions of the share that was bought of all with at least their score: the
    /// sum over thresholds of (recall less that of the threshold before) × precision, as scikit-learn's
    /// `average_precision_score` has it. 0 where nothing was bought.
    ///
    /// With T and N the bought and all decisions of at least a score, its derivative by the weight of a
    /// decision k is (y (P(k) - AP) + y Σ 1/N - Σ T/N²) / bought, the sums over bought decisions of at most
    /// k's score.
    fn average_precision(&self, asked: &Decisions) -> Linear {
        let (mut bought, mut all) = (0.0, 0.0);
        let reached: Vec<(f64, f64)> = self
            .groups
            .iter()
            .map(|g| {
                bought += g.bought;
                all += g.bought + g.left;
                (bought, all)
            })
            .collect();
        let total = self.bought.max(1.0);
        let of_groups = self.groups.iter().zip(&reached);
        let value = of_groups.map(|(g, (t, n))| g.bought * t / n).sum::<f64>() / total;
        let (mut once, mut twice) = (0.0, 0.0);
        let mut below = vec![(0.0, 0.0); self.groups.len()];
        for (at, (group, (t, n))) in self.groups.iter().zip(&reached).enumerate().rev() {
            once += group.bought / n;
            twice += group.bought * t / (n * n);
            below[at] = (once, twice);
        }
        let moved = asked.bought.iter().zip(&self.group).map(|(bought, group)| {
            let ((t, n), (once, twice)) = (reached[*group], below[*group]);
            let own = if *bought { t / n - value + once } else { 0.0 };
            (own - twice) / total
        });
        Linear {
            value,
            moved: by_user(asked, moved),
            n: asked.bought.len() as u64,
        }
    }
}

/// The ROC and the precision-recall curve of a method, thinned to what a chart can show.
pub fn curve(method: &str, asked: &Decisions, scores: &[f32]) -> Vec<CurveRow> {
    let ranked = Ranked::new(&asked.bought, scores);
    if ranked.bought == 0.0 || ranked.left == 0.0 {
        return Vec::new();
    }
    let (mut bought, mut left) = (0.0, 0.0);
    let mut rows = vec![CurveRow {
        method: method.to_owned(),
        found: 0.0,
        wrong: 0.0,
        precision: ranked
            .groups
            .first()
            .map_or(0.0, |g| g.bought / (g.bought + g.left)),
    }];
    let last = ranked.groups.len();
    let mut shown = (0, 0);
    for (at, group) in ranked.groups.iter().enumerate() {
        bought += group.bought;
        left += group.left;
        let (found, wrong) = (bought / ranked.bought, left / ranked.left);
        // Where either curve has come on by a step.
        let place = |share: f64| (share * POINTS as f64 / 2.0) as usize;
        let places = (place(found), place(wrong));
        if places != shown || at + 1 == last {
            shown = places;
            rows.push(CurveRow {
                method: method.to_owned(),
                found,
                wrong,
                precision: bought / (bought + left),
            });
        }
    }
    rows
}

/// Decisions to which a method gave about the same probability (reliability diagram; DeGroot and Fienberg
/// 1983).
pub fn calibration(method: &str, asked: &Decisions, scores: &[f32]) -> Vec<CalibrationRow> {
    let mut rows = FROM.map(|from| CalibrationRow {
        method: method.to_owned(),
        from,
        n: 0,
        predicted: 0.0,
        observed: 0.0,
    });
    for (score, bought) in scores.iter().zip(&asked.bought) {
        let score = f64::from(*score);
        let at = FROM.partition_point(|from| *from <= score).max(1) - 1;
        rows[at].n += 1;
        rows[at].predicted += score;
        rows[at].observed += f64::from(u8::from(*bought));
    }
    let filled = rows.into_iter().filter(|row| row.n > 0);
    filled
        .map(|row| CalibrationRow {
            predicted: row.predicted / row.n as f64,
            observed: row.observed / row.n as f64,
            ..row
        })
        .collect()
}

#[cfg(test)]
mod tests;
