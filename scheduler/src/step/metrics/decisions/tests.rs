#![allow(clippy::unwrap_used)]

use super::*;

fn method(name: &str, baseline: bool) -> Method {
    Method {
        name: name.into(),
        baseline,
    }
}

/// Twelve decisions of five users, with two ties.
fn small() -> Decisions {
    let scores = [
        0.9, 0.8, 0.8, 0.7, 0.6, 0.55, 0.5, 0.4, 0.4, 0.3, 0.2, 0.1f32,
    ];
    let bought = [1, 1, 0, 1, 0, 0, 1, 0, 1, 0, 0, 0].map(|b| b == 1);
    Decisions {
        users: vec![0, 0, 1, 1, 1, 2, 2, 3, 3, 4, 4, 4],
        bought: bought.to_vec(),
        of_method: vec![scores.to_vec()],
        threshold: 0.5,
    }
}

/// What scikit-learn 1.8 says of the same (roc_auc_score, average_precision_score, log_loss, accuracy_score,
/// precision_score, recall_score).
#[test]
fn values_are_those_of_another_program() {
    let asked = small();
    let (rows, _) = of_decisions(&[method("m", false)], &asked);
    let expected = [
        ("auc", 0.771_428_571_4),
        ("pr_auc", 0.708_730_158_7),
        ("log_loss", 0.567_904_824_9),
        ("accuracy", 0.583_333_333_3),
        ("precision", 0.5),
        ("recall", 0.6),
    ];
    assert_eq!(rows.len(), expected.len());
    for (row, (metric, value)) in rows.iter().zip(expected) {
        assert_eq!(row.metric, metric);
        assert!((row.value - value).abs() < 1e-6, "{metric} {}", row.value);
        assert!(row.lo <= row.value && row.value <= row.hi, "{metric}");
    }
}

/// A pseudo-random number from 0 to below 1.
fn unit(n: u64) -> f64 {
    pannier_proto::feed::mix(n) as f64 / 2f64.powi(64)
}

/// Decisions of users who differ in how readily they buy, judged by a good and by a poor method.
fn made(users: usize) -> Decisions {
    let mut asked = Decisions {
        of_method: vec![Vec::new(), Vec::new()],
        threshold: 0.3,
        ..Decisions::default()
    };
    let mut draw = 0;
    let mut next = || {
        draw += 1;
        unit(draw)
    };
    for user in 0..users {
        let ready = next() * 0.6;
        for _ in 0..1 + (next() * 12.0) as usize {
            let taste = next() * 0.4;
            let p = ready + taste;
            asked.users.push(user);
            asked.bought.push(next() < p);
            // A few ties.
            asked.of_method[0].push(((p * 50.0).round() / 50.0) as f32);
            asked.of_method[1].push((0.3 + 0.5 * (next() - 0.5) + 0.3 * (taste - 0.2)) as f32);
        }
    }
    asked
}

/// The same without a user.
fn without(asked: &Decisions, user: usize) -> Decisions {
    let keep = |at: &usize| asked.users[*at] != user;
    let places: Vec<usize> = (0..asked.users.len()).filter(keep).collect();
    Decisions {
        users: places.iter().map(|at| asked.users[*at]).collect(),
        bought: places.iter().map(|at| asked.bought[*at]).collect(),
        of_method: asked
            .of_method
            .iter()
            .map(|scores| places.iter().map(|at| scores[*at]).collect())
            .collect(),
        threshold: asked.threshold,
    }
}

/// Half the width of an interval by leaving out one user after the other (the jackknife; Efron and Stein
/// 1981).
fn jackknifed(values: &[f64]) -> f64 {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|v| (v - mean).powi(2)).sum();
    Z * (squares * (n - 1.0) / n).sqrt()
}

#[test]
fn intervals_are_those_of_leaving_out_users() {
    let (asked, users) = (made(300), 300);
    let methods = [method("good", false), method("poor", true)];
    let (rows, paired) = of_decisions(&methods, &asked);
    let left: Vec<Measured> = (0..users)
        .map(|user| of_decisions(&methods, &without(&asked, user)))
        .collect();
    for (at, row) in rows.iter().enumerate() {
        let values: Vec<f64> = left.iter().map(|(rows, _)| rows[at].value).collect();
        let (ours, theirs) = (row.hi - row.value, jackknifed(&values));
        assert!(
            (ours / theirs - 1.0).abs() < 0.03,
            "{} of {}: {ours} and {theirs}",
            row.metric,
            row.method
        );
    }
    for (at, row) in paired.iter().enumerate() {
        let values: Vec<f64> = left.iter().map(|(_, p)| p[at].difference).collect();
        let (ours, theirs) = (row.hi - row.difference, jackknifed(&values));
        assert!(
            (ours / theirs - 1.0).abs() < 0.03,
            "difference of {}: {ours} and {theirs}",
            row.metric
        );
    }
    let auc = &paired[0];
    assert!(auc.metric == "auc" && auc.lo > 0.05, "{auc:?}");
}

#[test]
fn what_cannot_be_told_apart_is_worth_a_half() {
    let asked = Decisions {
        users: vec![0, 1, 2],
        bought: vec![true, true, true],
        of_method: vec![vec![0.2, 0.2, 0.9]],
        threshold: 0.95,
    };
    let (rows, _) = of_decisions(&[method("m", false)], &asked);
    assert_eq!(rows[0].value, 0.5);
    assert_eq!(rows[1].value, 1.0);
    // Nothing was foretold.
    assert_eq!((rows[4].value, rows[4].n), (0.0, 0));
    assert!(curve("m", &asked, &asked.of_method[0]).is_empty());
    let (none, _) = of_decisions(
        &[method("m", false)],
        &Decisions {
            of_method: vec![Vec::new()],
            ..Decisions::default()
        },
    );
    assert!(none.iter().all(|row| row.value.is_finite()));
}

#[test]
fn a_curve_ends_where_all_is_found_and_its_area_is_the_metric() {
    let asked = made(400);
    let curve = curve("m", &asked, &asked.of_method[1]);
    let (first, last) = (&curve[0], &curve[curve.len() - 1]);
    assert_eq!((first.found, first.wrong), (0.0, 0.0));
    assert_eq!((last.found, last.wrong), (1.0, 1.0));
    assert!(curve.len() <= POINTS + 2, "{}", curve.len());
    let area: f64 = curve
        .windows(2)
        .map(|w| (w[1].wrong - w[0].wrong) * (w[1].found + w[0].found) / 2.0)
        .sum();
    let auc = Ranked::new(&asked.bought, &asked.of_method[1]).auc(&asked);
    assert!((area - auc.value).abs() < 0.005, "{area} {}", auc.value);
}

#[test]
fn calibration_counts_every_decision_once() {
    let asked = small();
    let rows = calibration("m", &asked, &asked.of_method[0]);
    assert_eq!(rows.iter().map(|r| r.n).sum::<u64>(), 12);
    let top = rows.last().unwrap();
    // .9, .8 and .8, of which two were bought.
    assert_eq!((top.from, top.n), (0.8, 3));
    assert!((top.predicted - 2.5 / 3.0).abs() < 1e-6 && (top.observed - 2.0 / 3.0).abs() < 1e-12);
}
