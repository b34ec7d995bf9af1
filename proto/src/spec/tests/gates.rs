//! What gates mean, and which texts are none.

use super::super::{Gate, GateOutcome};

fn gate(text: &str) -> Gate {
    text.parse().unwrap()
}

/// The gate's verdict where the model has 0.2, the champion 0.21 and popularity 0.1 of everything.
fn verdict(text: &str) -> GateOutcome {
    gate(text).evaluate(|who, _| match who {
        None => Some(0.2),
        Some("champion") => Some(0.21),
        Some("popularity") => Some(0.1),
        Some(_) => None,
    })
}

#[test]
fn every_comparison_is_decided() {
    let cases = [
        ("hit_rate@10 >= 0.2", true),
        ("hit_rate@10 > 0.2", false),
        ("hit_rate@10 <= 0.2", true),
        ("hit_rate@10 < 0.2", false),
        ("hit_rate@10 > 0.1 + 0.05", true),
        ("hit_rate@10 > 0.1 + 0.2", false),
        ("hit_rate@10 >= champion.hit_rate@10", false),
        ("hit_rate@10 >= champion.hit_rate@10 - 0.02", true),
        ("mrr@100 > popularity.mrr@100", true),
        ("hit_rate@10 >= mrr@100", true),
    ];
    for (text, passed) in cases {
        assert_eq!(verdict(text).passed, passed, "{text}");
    }
}

#[test]
fn the_explanation_has_the_numbers() {
    assert_eq!(
        verdict("hit_rate@10 >= champion.hit_rate@10 - 0.005").explanation,
        "not passed: hit_rate@10 >= champion.hit_rate@10 - 0.005: 0.200000 >= 0.205000, \
         where champion.hit_rate@10 is 0.210000"
    );
    assert_eq!(
        verdict("mrr@100 > 0.1").explanation,
        "passed: mrr@100 > 0.1: 0.200000 > 0.100000"
    );
}

#[test]
fn a_missing_champion_lets_the_model_pass() {
    let outcome = verdict("hit_rate@10 >= rookie.hit_rate@10");
    assert!(outcome.passed);
    assert_eq!(
        outcome.explanation,
        "passed: no `rookie` has hit_rate@10 yet, so there is nothing to compare with"
    );
}

#[test]
fn a_missing_metric_of_the_model_or_a_baseline_does_not_pass() {
    let outcome = gate("mrr@100 > 0.1").evaluate(|_, _| None);
    assert!(!outcome.passed);
    assert_eq!(outcome.explanation, "not passed: mrr@100 was not measured");
    let outcome = verdict("mrr@100 > co-occurrence.mrr@100");
    assert!(!outcome.passed);
    assert_eq!(
        outcome.explanation,
        "not passed: co-occurrence.mrr@100 was not measured"
    );
}

#[test]
fn a_metric_that_is_not_a_number_does_not_pass() {
    for op in [">=", ">", "<=", "<"] {
        assert!(
            !gate(&format!("mrr@100 {op} 0.1"))
                .evaluate(|_, _| Some(f64::NAN))
                .passed
        );
    }
}

#[test]
fn the_lookup_gets_owner_and_name() {
    gate("hit_rate@10 >= co-occurrence.mrr@100").evaluate(|who, metric| {
        assert!(
            [(None, "hit_rate@10"), (Some("co-occurrence"), "mrr@100")].contains(&(who, metric))
        );
        Some(0.0)
    });
}

#[test]
fn what_is_no_gate_says_why() {
    let form =
        "write `METRIC >=|>|<=|< [WHO.]METRIC|NUMBER [+|- NUMBER]`, with spaces between the parts";
    let metric = "is no metric: use `hit_rate@K`, with K from 1 to 100, or `mrr@100` for baskets, and \
        `ndcg@K`, `ndcg_all@K`, `map@K`, `precision@K`, `recall@K`, `recall_repeat@K`, \
        `recall_explore@K`, `user_hit_rate@K`, `repeat_share@K`, `coverage@K`, `diversity@K` or \
        `novelty@K` for users, and `auc`, `pr_auc`, `log_loss`, `accuracy`, `precision` or `recall` for \
        decisions";
    let cases = [
        ("", form.to_string()),
        ("hit_rate@10>=0.1", form.into()),
        ("hit_rate@10 >= 0.1 * 2", form.into()),
        (
            "hit_rate@10 == 0.1",
            "`==` is no comparison: use `>=`, `>`, `<=` or `<`".into(),
        ),
        ("hit_rate@0 > 0.1", format!("`hit_rate@0` {metric}")),
        ("hit_rate@101 > 0.1", format!("`hit_rate@101` {metric}")),
        ("mrr@10 > 0.1", format!("`mrr@10` {metric}")),
        ("mrr@100 > champion.auc@5", format!("`auc@5` {metric}")),
        (
            "mrr@100 > .mrr@100",
            "`.mrr@100` is no finite number".into(),
        ),
        (
            "mrr@100 > The.mrr@100",
            "`The` names neither a baseline nor an alias".into(),
        ),
        ("mrr@100 > 0.1.2", "`0.1.2` is no finite number".into()),
        ("mrr@100 > 0.1 + inf", "`inf` is no finite number".into()),
        (
            "champion.mrr@100 < mrr@100",
            "`champion.mrr@100` stands on the left, which is always the new model: write `mrr@100`"
                .into(),
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(
            text.parse::<Gate>().unwrap_err().to_string(),
            expected,
            "{text}"
        );
    }
}

#[test]
fn a_gate_is_text_in_json() {
    let text = "hit_rate@10  >=  champion.hit_rate@10 -  0.0050";
    let json = serde_json::to_string(&gate(text)).unwrap();
    assert_eq!(json, r#""hit_rate@10 >= champion.hit_rate@10 - 0.005""#);
    assert_eq!(serde_json::from_str::<Gate>(&json).unwrap(), gate(text));
    assert!(serde_json::from_str::<Gate>(r#""mrr""#).is_err());
}
