//! Baselines: what errors look like, what a study tries, and specs that were written before there were
//! params.

use super::super::{
    BaselineModel, BaselineSpec, PersonalFrequencyParams, PopularityParams, Question, TifuKnnParams,
};
use super::{error_after_head, parse};

/// Behind a baseline with a study.
const VALID: &str = "[split]\nvalid_weeks = 1\n";

/// A spec that trains a model that knows users; `baseline` begins on line 8.
fn with(baseline: &str) -> String {
    format!(
        "{}[[train]]\nname = \"v\"\nmodel = \"als\"\n{baseline}{VALID}",
        super::HEAD
    )
}

fn error_of(baseline: &str) -> String {
    error_after_head(&format!(
        "[[train]]\nname = \"v\"\nmodel = \"als\"\n{baseline}"
    ))
}

#[test]
fn a_key_of_another_baseline() {
    assert_eq!(
        error_of("[[baseline]]\nmodel = \"tifu-knn\"\nparams = { recency = 5 }\n"),
        r#"error: unknown key `recency` in params of tifu-knn
  --> spec.toml:10:12
   |
10 | params = { recency = 5 }
   |            ^^^^^^^
   = help: `recency` belongs in params of up-cf or in study of up-cf"#
    );
}

#[test]
fn params_of_a_baseline_that_has_none() {
    assert_eq!(
        error_of("[[baseline]]\nmodel = \"last-basket\"\nparams = { decay = 1 }\n"),
        r#"error: `params` in [[baseline]] has no meaning: last-basket has no params
  --> spec.toml:10:10
   |
10 | params = { decay = 1 }
   |          ^^^^^^^^^^^^^
   = help: remove it"#
    );
}

#[test]
fn a_value_of_a_study_that_is_out_of_range() {
    assert_eq!(
        error_of("[[baseline]]\nmodel = \"personal-frequency\"\nstudy = { decay = [0.9, 1.1] }\n"),
        r#"error: `decay[1]` in study of personal-frequency must be a number above 0 and at most 1, found 1.1
  --> spec.toml:10:25
   |
10 | study = { decay = [0.9, 1.1] }
   |                         ^^^"#
    );
}

#[test]
fn a_word_of_a_study_that_is_none() {
    assert_eq!(
        error_of("[[baseline]]\nmodel = \"item-knn\"\nstudy = { over = [\"items\"] }\n"),
        r#"error: `over[0]` in study of item-knn must be one of `baskets`, `users`, found "items"
  --> spec.toml:10:19
   |
10 | study = { over = ["items"] }
   |                   ^^^^^^^"#
    );
}

#[test]
fn two_baselines_of_one_name() {
    assert_eq!(
        error_of(
            "[[baseline]]\nmodel = \"last-basket\"\n[[baseline]]\nname = \"last-basket\"\nmodel = \"up-cf\"\n"
        ),
        r#"error: two [[baseline]] have the name `last-basket`
  --> spec.toml:11:8
   |
11 | name = "last-basket"
   |        ^^^^^^^^^^^^^
   = help: give this one another name"#
    );
}

#[test]
fn a_training_named_like_a_named_baseline() {
    assert_eq!(
        error_of("[[baseline]]\nname = \"v\"\nmodel = \"up-cf\"\n"),
        r#"error: `name` in [[train]] is `v`, which is the name of a baseline
 --> spec.toml:6:8
  |
6 | name = "v"
  |        ^^^
  = help: the report needs another name"#
    );
}

#[test]
fn a_study_of_more_than_can_be_drawn_from() {
    let values = vec!["1"; 1001].join(", ");
    let text = format!(
        "[[baseline]]\nmodel = \"tifu-knn\"\nstudy = {{ alpha = [{values}], groups = [{values}] }}\n{VALID}"
    );
    let error = error_of(&text);
    let expected = "error: the study has 1002001 combinations, 1000000 at most";
    assert!(error.starts_with(expected), "{error}");
}

#[test]
fn the_same_model_twice_and_a_gate_over_the_second() {
    let spec = parse(&with(
        "[[baseline]]\nmodel = \"up-cf\"\n[[baseline]]\nmodel = \"up-cf\"\nname = \"tuned\"\n\
         [publish]\ngate = \"ndcg@10 >= tuned.ndcg@10\"\n",
    ));
    let names: Vec<&str> = spec.baseline.iter().map(BaselineSpec::name).collect();
    assert_eq!(names, ["up-cf", "tuned"]);
}

#[test]
fn json_without_params_has_the_defaults() {
    for (json, model) in [
        (
            r#"{"model":"popularity"}"#,
            BaselineModel::Popularity(PopularityParams::default()),
        ),
        (
            r#""popularity""#,
            BaselineModel::Popularity(PopularityParams::default()),
        ),
        (
            r#"{"model":"personal-frequency"}"#,
            BaselineModel::PersonalFrequency(PersonalFrequencyParams::default()),
        ),
        (
            r#"{"model":"tifu-knn","params":{"alpha":0.5}}"#,
            BaselineModel::TifuKnn(TifuKnnParams {
                alpha: 0.5,
                ..TifuKnnParams::default()
            }),
        ),
    ] {
        let spec: BaselineSpec = serde_json::from_str(json).unwrap();
        assert_eq!(spec, model.into());
    }
    for wrong in [
        r#"{"model":"popular"}"#,
        r#""popular""#,
        r#"{"model":"up-cf","params":{"alpha":1}}"#,
        r#"{"model":"up-cf","study":{"alhpa":[1]}}"#,
    ] {
        assert!(
            serde_json::from_str::<BaselineSpec>(wrong).is_err(),
            "{wrong}"
        );
    }
}

#[test]
fn a_study_tries_every_combination_or_draws_some() {
    let study = |rest: &str| {
        let text = format!(
            "[[baseline]]\nmodel = \"tifu-knn\"\nparams = {{ within_decay = 0.5 }}\n\
             study = {{ groups = [3, 7], alpha = [0, 0.5, 1]{rest} }}\n"
        );
        parse(&with(&text)).baseline.remove(0)
    };
    let described = |spec: &BaselineSpec, seed: u64| -> Vec<String> {
        let study = spec.study.as_ref().unwrap();
        let trials = spec.trials(seed).into_iter();
        trials.map(|trial| study.describe(trial)).collect()
    };
    let all = study("");
    let expected: Vec<String> = [3, 7]
        .iter()
        .flat_map(|groups| ["0", "0.5", "1"].map(|alpha| format!("groups {groups}, alpha {alpha}")))
        .collect();
    assert_eq!(described(&all, 1), expected);
    let kept =
        |trial: BaselineModel| matches!(trial, BaselineModel::TifuKnn(p) if p.within_decay == 0.5);
    assert!(all.trials(1).into_iter().all(kept));

    let some = study(", trials = 4");
    let drawn = described(&some, 1);
    assert_eq!((drawn.len(), &drawn), (4, &described(&some, 1)));
    // In the order of the grid, each once.
    let places = drawn
        .iter()
        .map(|d| expected.iter().position(|e| e == d).unwrap());
    assert!(places.collect::<Vec<_>>().is_sorted_by(|a, b| a < b));
    assert!((2..20).any(|seed| described(&some, seed) != drawn));
}

#[test]
fn popularity_that_decays_is_for_users() {
    let spec = |rest: &str| {
        let text = format!("[[baseline]]\nmodel = \"popularity\"\n{rest}");
        parse(&with(&text)).baseline.remove(0)
    };
    let both = |spec: &BaselineSpec| [Question::Basket, Question::User].map(|q| spec.answers(q));
    let plain = spec("");
    assert!(both(&plain) == [true, true] && !plain.reads_sequences());
    for rest in [
        "params = { decay = 0.9 }\n",
        "study = { decay = [0.9, 1] }\n",
    ] {
        let decays = spec(rest);
        assert_eq!(both(&decays), [false, true], "{rest}");
        assert!(decays.reads_sequences(), "{rest}");
    }
    assert_eq!(
        error_of("[[baseline]]\nmodel = \"popularity\"\nparams = { decay = 0 }\n"),
        r#"error: `decay` in params of popularity must be a number above 0 and at most 1, found 0
  --> spec.toml:10:20
   |
10 | params = { decay = 0 }
   |                    ^"#
    );
}

#[test]
fn a_study_without_users_to_judge_by() {
    assert_eq!(
        error_of("[[baseline]]\nmodel = \"up-cf\"\nstudy = { recency = [1, 5] }\n"),
        r#"error: the study has no users to judge by: the split validates nothing
  --> spec.toml:10:9
   |
10 | study = { recency = [1, 5] }
   |         ^^^^^^^^^^^^^^^^^^^^
   = help: set `valid_weeks` in [split], to 1 say"#
    );
}
