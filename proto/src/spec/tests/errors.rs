//! One test for each kind of error, with the whole text that the user sees.

use super::{HEAD, error, error_after_head, source};

// Syntax.

#[test]
fn a_text_that_is_not_toml() {
    assert_eq!(
        error_after_head(
            r#"[split
by = "time"
"#
        ),
        r#"error: this is not TOML: unclosed table, expected `]`
 --> spec.toml:5:7
  |
5 | [split
  |       ^"#
    );
}

#[test]
fn a_key_that_is_there_twice() {
    assert_eq!(
        error_after_head(
            r#"[split]
[split]
"#
        ),
        r#"error: this is not TOML: duplicate key
 --> spec.toml:6:2
  |
6 | [split]
  |  ^^^^^"#
    );
}

// Unknown keys.

#[test]
fn an_unknown_key_with_a_near_one() {
    assert_eq!(
        error_after_head(
            r#"[[train]]
name = "vectors"
model = "prod2vec"
params = { dim = 128, epoch = 5 }
"#
        ),
        r#"error: unknown key `epoch` in params of prod2vec
 --> spec.toml:8:23
  |
8 | params = { dim = 128, epoch = 5 }
  |                       ^^^^^
  = help: did you mean `epochs`?"#
    );
}

#[test]
fn an_unknown_key_that_belongs_elsewhere() {
    assert_eq!(
        error_after_head(
            r#"[[train]]
name = "vectors"
model = "prod2vec"
epochs = 5
"#
        ),
        r#"error: unknown key `epochs` in [[train]]
 --> spec.toml:8:1
  |
8 | epochs = 5
  | ^^^^^^
  = help: `epochs` belongs in params of prod2vec or in params of cust2vec or in params of attention-lstm or in params of wide-and-deep"#
    );
}

#[test]
fn an_unknown_key_that_belongs_in_several_places() {
    assert_eq!(
        error_after_head(
            r#"[prepare]
seed = 5
"#
        ),
        r#"error: unknown key `seed` in [prepare]
 --> spec.toml:6:1
  |
6 | seed = 5
  | ^^^^
  = help: `seed` belongs at the top level or in [source.generate]"#
    );
}

#[test]
fn an_unknown_key_like_no_other() {
    assert_eq!(
        error_after_head(
            r#"[split]
cutoff = 200801
"#
        ),
        r#"error: unknown key `cutoff` in [split]
 --> spec.toml:6:1
  |
6 | cutoff = 200801
  | ^^^^^^
  = help: known keys in [split]: `by`, `test_weeks`, `valid_weeks`, `test_share`, `valid_share`"#
    );
}

#[test]
fn an_unknown_table() {
    assert_eq!(
        error_after_head(
            r#"[splits]
by = "time"
"#
        ),
        r#"error: unknown key `splits` at the top level
 --> spec.toml:5:2
  |
5 | [splits]
  |  ^^^^^^
  = help: did you mean `split`?"#
    );
}

// Missing keys.

#[test]
fn a_missing_key_of_a_table() {
    assert_eq!(
        error_after_head(
            r#"[[check]]
name = "owner"
"#
        ),
        r#"error: missing key `rule` or `sql` in [[check]]
 --> spec.toml:5:1
  |
5 | [[check]]
  | ^^^^^^^^^
  = help: name a rule, or give SQL that selects the rows that offend"#
    );
}

#[test]
fn missing_keys_of_an_inline_table() {
    assert_eq!(
        error(
            r#"name = "a"
source = { path = "x" }
"#
        ),
        r#"error: missing key `layout` in [source]
 --> spec.toml:2:10
  |
2 | source = { path = "x" }
  |          ^^^^^^^^^^^^^^
  = help: `layout` must be one of `dunnhumby-lgsr`, `complete-journey`, `complete-journey-csv`, `instacart`, `rees46`, `transactions`"#
    );
}

#[test]
fn missing_keys_at_the_top_level() {
    assert_eq!(
        error(r#""#),
        r#"error: missing key `name` at the top level
 --> spec.toml:1:1
  |
1 |
  | ^
  = help: `name` must be 1 to 64 of `a`-`z`, `0`-`9` and `-`, not beginning with `-`

error: missing key `source` at the top level
 --> spec.toml:1:1
  |
1 |
  | ^
  = help: `source` must be a table"#
    );
}

// Wrong types.

#[test]
fn a_string_for_an_integer() {
    assert_eq!(
        error_after_head(
            r#"[[train]]
name = "vectors"
model = "prod2vec"
params = { dim = "big" }
"#
        ),
        r#"error: `dim` in params of prod2vec must be an integer from 8 to 1024, found "big"
 --> spec.toml:8:18
  |
8 | params = { dim = "big" }
  |                  ^^^^^"#
    );
}

#[test]
fn an_integer_for_a_string() {
    assert_eq!(
        error(
            r#"name = 5
[source]
layout = "dunnhumby-lgsr"
path = "data/*.csv.gz"
"#
        ),
        r#"error: `name` must be 1 to 64 of `a`-`z`, `0`-`9` and `-`, not beginning with `-`, found 5
 --> spec.toml:1:8
  |
1 | name = 5
  |        ^"#
    );
}

#[test]
fn a_float_for_an_integer() {
    assert_eq!(
        error_after_head(
            r#"[[train]]
name = "vectors"
model = "prod2vec"
params.epochs = 2.5
"#
        ),
        r#"error: `epochs` in params of prod2vec must be an integer from 1 to 1000, found 2.5
 --> spec.toml:8:17
  |
8 | params.epochs = 2.5
  |                 ^^^"#
    );
}

#[test]
fn a_string_for_a_flag() {
    assert_eq!(
        error_after_head(
            r#"[source.generate]
customers = 10
weeks = 4
gzip = "yes"
"#
        ),
        r#"error: `gzip` in [source.generate] must be `true` or `false`, found "yes"
 --> spec.toml:8:8
  |
8 | gzip = "yes"
  |        ^^^^^"#
    );
}

#[test]
fn a_value_for_a_table() {
    assert_eq!(
        error(&format!(
            r#"split = "time"
{HEAD}"#
        )),
        r#"error: `split` must be a table, found "time"
 --> spec.toml:1:9
  |
1 | split = "time"
  |         ^^^^^^"#
    );
}

#[test]
fn a_table_for_a_list_of_tables() {
    assert_eq!(
        error_after_head(
            r#"[train]
name = "vectors"
"#
        ),
        r#"error: `train` must be a list of tables, each under its own [[train]], found a table
 --> spec.toml:5:1
  |
5 | [train]
  | ^^^^^^^"#
    );
}

#[test]
fn a_list_of_what_are_no_tables() {
    assert_eq!(
        error(&format!(
            r#"train = [{{ name = "vectors", model = "prod2vec" }}, 3]
{HEAD}"#
        )),
        r#"error: `train[1]` must be a table, found 3
 --> spec.toml:1:52
  |
1 | train = [{ name = "vectors", model = "prod2vec" }, 3]
  |                                                    ^"#
    );
}

#[test]
fn a_number_for_a_list() {
    assert_eq!(
        error_after_head(
            r#"[evaluate]
k = 10
"#
        ),
        r#"error: `k` in [evaluate] must be a list that is not empty, found 10
 --> spec.toml:6:5
  |
6 | k = 10
  |     ^^"#
    );
}

// Bad values.

#[test]
fn a_name_with_other_characters() {
    assert_eq!(
        error(
            r#"name = "Grocery Store"
[source]
layout = "dunnhumby-lgsr"
path = "data/*.csv.gz"
"#
        ),
        r#"error: `name` must be 1 to 64 of `a`-`z`, `0`-`9` and `-`, not beginning with `-`, found "Grocery Store"
 --> spec.toml:1:8
  |
1 | name = "Grocery Store"
  |        ^^^^^^^^^^^^^^^"#
    );
}

#[test]
fn a_blank_string() {
    assert_eq!(
        error(
            r#"name = "grocery"
[source]
layout = "dunnhumby-lgsr"
path = " "
"#
        ),
        r#"error: `path` in [source] must be a string that is not empty, found " "
 --> spec.toml:4:8
  |
4 | path = " "
  |        ^^^"#
    );
}

#[test]
fn an_unknown_layout() {
    assert_eq!(
        error(
            r#"name = "grocery"
[source]
layout = "dunnhumby-lgs"
path = "data/*.csv.gz"
"#
        ),
        r#"error: `layout` in [source] must be one of `dunnhumby-lgsr`, `complete-journey`, `complete-journey-csv`, `instacart`, `rees46`, `transactions`, found "dunnhumby-lgs"
 --> spec.toml:3:10
  |
3 | layout = "dunnhumby-lgs"
  |          ^^^^^^^^^^^^^^^
  = help: did you mean `dunnhumby-lgsr`?"#
    );
}

#[test]
fn an_unknown_model() {
    assert_eq!(
        error_after_head(
            r#"[[train]]
name = "vectors"
model = "prod3vec"
"#
        ),
        r#"error: `model` in [[train]] must be one of `prod2vec`, `als`, `cust2vec`, `attention-lstm`, `wide-and-deep`, found "prod3vec"
 --> spec.toml:7:9
  |
7 | model = "prod3vec"
  |         ^^^^^^^^^^
  = help: did you mean `prod2vec`?"#
    );
}

#[test]
fn what_fits_no_model_of_the_spec() {
    assert_eq!(
        error_after_head(
            r#"[[train]]
name = "factors"
model = "als"
[[baseline]]
model = "co-occurrence"
[publish]
gate = "hit_rate@10 >= 0.1"
"#
        ),
        r#"error: no model of the spec can be compared with `co-occurrence`
 --> spec.toml:9:9
  |
9 | model = "co-occurrence"
  |         ^^^^^^^^^^^^^^^
  = help: it ranks for baskets; train a model such as prod2vec

error: the gate names hit_rate@10, which `factors`, a model of kind als, has not
  --> spec.toml:11:8
   |
11 | gate = "hit_rate@10 >= 0.1"
   |        ^^^^^^^^^^^^^^^^^^^^
   = help: give `factors` a `gate` over ndcg@10, ndcg@20, recall@10, recall@20, recall_repeat@10, recall_repeat@20, recall_explore@10, recall_explore@20, precision@10, precision@20, map@10, map@20, user_hit_rate@10, user_hit_rate@20, ndcg_all@10, ndcg_all@20, repeat_share@10, repeat_share@20, coverage@10, coverage@20, diversity@10, diversity@20, novelty@10, novelty@20"#
    );
    assert_eq!(
        error_after_head(
            r#"[[train]]
name = "vectors"
model = "prod2vec"
[recommend]
top = 5
"#
        ),
        r#"error: [recommend] needs a model that knows users, and the spec trains none
 --> spec.toml:8:1
  |
8 | [recommend]
  | ^^^^^^^^^^^
  = help: add a [[train]] with model = "als", or remove [recommend]"#
    );
    assert_eq!(
        error_after_head(
            r#"[[train]]
name = "vectors"
model = "prod2vec"
[segments]
k = 7
"#
        ),
        r#"error: [segments] needs a model with vectors of users, and the spec trains none
 --> spec.toml:8:1
  |
8 | [segments]
  | ^^^^^^^^^^
  = help: add a [[train]] with model = "cust2vec", or remove [segments]"#
    );
    assert_eq!(
        error_after_head(
            r#"[[train]]
name = "vectors"
model = "cust2vec"
[segments]
k_min = 9
k_max = 8
"#
        ),
        r#"error: `k_min` is 9, which is above `k_max`, 8
 --> spec.toml:9:9
  |
9 | k_min = 9
  |         ^
  = help: numbers of segments are tried from `k_min` to `k_max`; or give `k`"#
    );
}

#[test]
fn an_integer_out_of_range() {
    assert_eq!(
        error_after_head(
            r#"[prepare]
parts = 5000
"#
        ),
        r#"error: `parts` in [prepare] must be an integer from 1 to 4096, found 5000
 --> spec.toml:6:9
  |
6 | parts = 5000
  |         ^^^^"#
    );
}

#[test]
fn an_integer_that_is_too_small() {
    assert_eq!(
        error_after_head(
            r#"[split]
test_weeks = 0
"#
        ),
        r#"error: `test_weeks` in [split] must be an integer of at least 1, found 0
 --> spec.toml:6:14
  |
6 | test_weeks = 0
  |              ^"#
    );
}

#[test]
fn a_number_out_of_range() {
    assert_eq!(
        error_after_head(
            r#"[[train]]
name = "vectors"
model = "prod2vec"
params = { power = -2.5 }
"#
        ),
        r#"error: `power` in params of prod2vec must be a number from -2 to 2, found -2.5
 --> spec.toml:8:20
  |
8 | params = { power = -2.5 }
  |                    ^^^^"#
    );
}

#[test]
fn a_number_that_is_not_finite() {
    assert_eq!(
        error_after_head(
            r#"[[train]]
name = "vectors"
model = "prod2vec"
params = { learning_rate = inf }
"#
        ),
        r#"error: `learning_rate` in params of prod2vec must be a number above 0, found inf
 --> spec.toml:8:28
  |
8 | params = { learning_rate = inf }
  |                            ^^^"#
    );
}

#[test]
fn a_window_that_is_neither() {
    assert_eq!(
        error_after_head(
            r#"[[train]]
name = "vectors"
model = "prod2vec"
params = { window = "all" }
"#
        ),
        r#"error: `window` in params of prod2vec must be an integer from 1 to 100 or "basket", found "all"
 --> spec.toml:8:21
  |
8 | params = { window = "all" }
  |                     ^^^^^"#
    );
}

#[test]
fn a_week_that_is_none() {
    assert_eq!(
        error_after_head(
            r#"[prepare]
weeks = { to = 200854 }
"#
        ),
        r#"error: `to` in [prepare].weeks must be a week written YYYYWW, with WW from 01 to 53, or a number from 1 to 999, found 200854
 --> spec.toml:6:16
  |
6 | weeks = { to = 200854 }
  |                ^^^^^^"#
    );
}

#[test]
fn an_item_of_a_list_out_of_range() {
    assert_eq!(
        error_after_head(
            r#"[evaluate]
k = [10, 200]
"#
        ),
        r#"error: `k[1]` in [evaluate] must be an integer from 1 to 100, found 200
 --> spec.toml:6:10
  |
6 | k = [10, 200]
  |          ^^^"#
    );
}

#[test]
fn an_empty_list() {
    assert_eq!(
        error_after_head(
            r#"[evaluate]
k = []
"#
        ),
        r#"error: `k` in [evaluate] must be a list that is not empty, found an empty list
 --> spec.toml:6:5
  |
6 | k = []
  |     ^^"#
    );
}

#[test]
fn a_severity_with_a_near_one() {
    assert_eq!(
        error_after_head(
            r#"[[check]]
name = "owner"
sql = "select 1"
severity = "warning"
"#
        ),
        r#"error: `severity` in [[check]] must be one of `fail`, `warn`, found "warning"
 --> spec.toml:8:12
  |
8 | severity = "warning"
  |            ^^^^^^^^^
  = help: did you mean `warn`?"#
    );
}

#[test]
fn a_gate_that_is_none() {
    assert_eq!(
        error_after_head(
            r#"[[train]]
name = "vectors"
model = "prod2vec"
[publish]
gate = "hit_rate@10>=0.1"
"#
        ),
        r#"error: `gate` in [publish] must be a comparison of metrics, found "hit_rate@10>=0.1"
 --> spec.toml:9:8
  |
9 | gate = "hit_rate@10>=0.1"
  |        ^^^^^^^^^^^^^^^^^^
  = help: write `METRIC >=|>|<=|< [WHO.]METRIC|NUMBER [+|- NUMBER]`, with spaces between the parts"#
    );
}

// Rules between keys.

#[test]
fn a_key_of_the_other_split() {
    assert_eq!(
        error_after_head(
            r#"[split]
by = "last-basket"
test_weeks = 3
"#
        ),
        r#"error: `test_weeks` in [split] does not go with by = "last-basket"
 --> spec.toml:7:14
  |
7 | test_weeks = 3
  |              ^
  = help: remove it, or set by = "time""#
    );
}

#[test]
fn shares_of_users() {
    assert_eq!(
        error_after_head(
            r#"[split]
by = "user"
test_share = 0.6
valid_share = 0.5
test_weeks = 4
"#
        ),
        r#"error: `valid_share` in [split] must be a number of at least 0 that leaves users to train on, found 0.5
 --> spec.toml:8:15
  |
8 | valid_share = 0.5
  |               ^^^

error: `test_weeks` in [split] does not go with by = "user"
 --> spec.toml:9:14
  |
9 | test_weeks = 4
  |              ^
  = help: remove it, or set by = "time""#
    );
}

#[test]
fn weeks_in_the_wrong_order() {
    assert_eq!(
        error_after_head(
            r#"[prepare.weeks]
from = 200810
to = 200806
"#
        ),
        r#"error: `from` in [prepare].weeks is 200810, which is after `to`, 200806
 --> spec.toml:6:8
  |
6 | from = 200810
  |        ^^^^^^
  = help: both weeks are included; swap them"#
    );
}

#[test]
fn two_checks_of_a_name() {
    assert_eq!(
        error_after_head(
            r#"[[check]]
name = "owner"
sql = "select 1"
[[check]]
name = "owner"
sql = "select 2"
"#
        ),
        r#"error: two [[check]] have the name `owner`
 --> spec.toml:9:8
  |
9 | name = "owner"
  |        ^^^^^^^
  = help: give this one another name"#
    );
}

#[test]
fn two_trainings_of_a_name() {
    assert_eq!(
        error_after_head(
            r#"[[train]]
name = "vectors"
model = "prod2vec"
[[train]]
name = "vectors"
model = "prod2vec"
"#
        ),
        r#"error: two [[train]] have the name `vectors`
 --> spec.toml:9:8
  |
9 | name = "vectors"
  |        ^^^^^^^^^
  = help: give this one another name"#
    );
}

#[test]
fn a_training_named_like_a_baseline() {
    assert_eq!(
        error_after_head(
            r#"[[train]]
name = "popularity"
model = "prod2vec"
"#
        ),
        r#"error: `name` in [[train]] is `popularity`, which is the name of a baseline
 --> spec.toml:6:8
  |
6 | name = "popularity"
  |        ^^^^^^^^^^^^
  = help: the report needs another name"#
    );
}

#[test]
fn two_equal_baselines() {
    assert_eq!(
        error_after_head(
            r#"[[train]]
name = "vectors"
model = "prod2vec"
[[baseline]]
model = "popularity"
[[baseline]]
model = "popularity"
"#
        ),
        r#"error: two [[baseline]] have the name `popularity`
  --> spec.toml:11:9
   |
11 | model = "popularity"
   |         ^^^^^^^^^^^^
   = help: remove one, or give this one a `name`"#
    );
}

#[test]
fn nothing_to_compare_or_publish() {
    assert_eq!(
        error_after_head(
            r#"[[baseline]]
model = "popularity"
[publish]
alias = "champion"
"#
        ),
        r#"error: [publish] needs a model, and the spec trains none
 --> spec.toml:7:1
  |
7 | [publish]
  | ^^^^^^^^^
  = help: add a [[train]], or remove [publish]"#
    );
}

#[test]
fn learning_rates_in_the_wrong_order() {
    assert_eq!(
        error_after_head(
            r#"[[train]]
name = "vectors"
model = "prod2vec"
params = { learning_rate = 0.01, min_learning_rate = 0.1 }
"#
        ),
        r#"error: `min_learning_rate` is 0.1, which is above `learning_rate`, 0.01
 --> spec.toml:8:54
  |
8 | params = { learning_rate = 0.01, min_learning_rate = 0.1 }
  |                                                      ^^^
  = help: the learning rate falls from `learning_rate` to `min_learning_rate`"#
    );
}

#[test]
fn a_k_that_is_there_twice() {
    assert_eq!(
        error_after_head(
            r#"[evaluate]
k = [5, 10, 5]
"#
        ),
        r#"error: `k` in [evaluate] has 5 twice
 --> spec.toml:6:13
  |
6 | k = [5, 10, 5]
  |             ^
  = help: remove one"#
    );
}

#[test]
fn a_gate_with_a_k_that_is_not_evaluated() {
    assert_eq!(
        error_after_head(
            r#"[[train]]
name = "vectors"
model = "prod2vec"
[publish]
gate = "hit_rate@5 >= champion.hit_rate@10"
"#
        ),
        r#"error: the gate names hit_rate@5, and 5 is not in `k` of [evaluate]
 --> spec.toml:9:8
  |
9 | gate = "hit_rate@5 >= champion.hit_rate@10"
  |        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  = help: add 5 to `k`, which is [10, 20]"#
    );
}

#[test]
fn a_gate_with_a_baseline_that_is_not_in_the_spec() {
    assert_eq!(
        error_after_head(
            r#"[[train]]
name = "vectors"
model = "prod2vec"
[publish]
gate = "mrr@100 > popularity.mrr@100"
"#
        ),
        r#"error: the gate compares with `popularity`, and the spec has no such baseline
 --> spec.toml:9:8
  |
9 | gate = "mrr@100 > popularity.mrr@100"
  |        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  = help: add [[baseline]] with model = "popularity""#
    );
}

#[test]
fn a_gate_with_a_misspelt_baseline() {
    assert_eq!(
        error_after_head(
            r#"[[train]]
name = "vectors"
model = "prod2vec"
[publish]
gate = "mrr@100 > popularty.mrr@100"
"#
        ),
        r#"error: the gate compares with `popularty`, which is neither a baseline nor the alias of [publish]
 --> spec.toml:9:8
  |
9 | gate = "mrr@100 > popularty.mrr@100"
  |        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  = help: did you mean `popularity`?"#
    );
}

#[test]
fn a_gate_with_a_misspelt_alias() {
    assert_eq!(
        error_after_head(
            r#"[[train]]
name = "vectors"
model = "prod2vec"
[publish]
alias = "champion"
gate = "mrr@100 > champoin.mrr@100"
"#
        ),
        r#"error: the gate compares with `champoin`, which is neither a baseline nor the alias of [publish]
  --> spec.toml:10:8
   |
10 | gate = "mrr@100 > champoin.mrr@100"
   |        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^
   = help: did you mean `champion`?"#
    );
}

// Several.

#[test]
fn all_problems_of_a_stage_are_shown_in_the_order_of_the_file() {
    assert_eq!(
        error_after_head(
            r#"[[train]]
name = "vectors"
model = "prod2vec"
params = { epochs = 0 }
[split]
test_week = 3
"#
        ),
        r#"error: `epochs` in params of prod2vec must be an integer from 1 to 1000, found 0
 --> spec.toml:8:21
  |
8 | params = { epochs = 0 }
  |                     ^

error: unknown key `test_week` in [split]
  --> spec.toml:10:1
   |
10 | test_week = 3
   | ^^^^^^^^^
   = help: did you mean `test_weeks`?"#
    );
}

// Problems that only the data can tell.

const SPLIT: &str = "[split]\nby = \"time\" # é\n\tvalid_weeks = 3\n";

#[test]
fn a_problem_found_later_is_shown_at_its_key() {
    let source = source(&format!("{HEAD}{SPLIT}"));
    let help = Some("the data has 2 weeks".to_string());
    let error = source.error_at("split.valid_weeks", "nothing is left to train on", help);
    assert_eq!(error.problems.len(), 1);
    assert_eq!(error.problems[0].key, "split.valid_weeks");
    assert_eq!(
        error.to_string(),
        "error: nothing is left to train on
 --> spec.toml:7:16
  |
7 | \tvalid_weeks = 3
  | \t              ^
  = help: the data has 2 weeks"
    );
}

#[test]
fn a_key_that_is_absent_is_shown_at_its_table() {
    let text = format!("{HEAD}{SPLIT}[[train]]\n[[train]]\nparams = {{ dim = 8 }}\n");
    let line_of = |key: &str| {
        let error = source(&text).error_at(key, "m", None);
        (
            error.problems[0].line,
            error.problems[0].column,
            error.problems[0].width,
        )
    };
    assert_eq!(line_of("split.test_weeks"), (5, 1, 7));
    assert_eq!(line_of("train[1].name"), (9, 1, 9));
    assert_eq!(line_of("train[1].params.dim"), (10, 18, 1));
    assert_eq!(line_of("train[1].params.epochs"), (10, 10, 11));
    assert_eq!(line_of("train[7].name"), (8, 1, 9));
    assert_eq!(line_of("publish.alias"), (1, 1, 1));
    assert_eq!(line_of("seed"), (1, 1, 1));
    assert_eq!(line_of("not a path["), (1, 1, 1));
}

#[test]
fn a_value_over_many_lines_is_underlined_on_its_first() {
    let text = format!("{HEAD}[[check]]\nname = \"c\"\nsql = \"\"\"\nselect 1\n\"\"\"\n");
    let error = source(&text).error_at("check[0].sql", "no table `x`", None);
    assert_eq!(
        error.to_string(),
        "error: no table `x`
 --> spec.toml:7:7
  |
7 | sql = \"\"\"
  |       ^^^"
    );
}

#[test]
fn a_spec_that_does_nothing_but_prepare_is_right() {
    assert!(super::super::RunSpec::parse(&source(HEAD)).is_ok());
}

#[test]
fn names_that_are_meant_to_differ_are_no_slips() {
    for (alias, who) in [
        ("champion-eu", "champion-us"),
        ("v1", "v2"),
        ("next", "champion"),
        ("popular", "popular"),
    ] {
        let gate = format!("mrr@100 > {who}.mrr@100");
        let publish = format!("[publish]\nalias = \"{alias}\"\ngate = \"{gate}\"\n");
        super::parse(&format!(
            "{HEAD}[[train]]\nname = \"a\"\nmodel = \"prod2vec\"\n{publish}"
        ));
    }
}

// Files of a user's own.

/// How the errors of a spec of the layout `transactions` are shown; `rest` begins on line 5.
fn error_of_mapped(rest: &str) -> String {
    error(&format!(
        "{}{rest}",
        HEAD.replace("dunnhumby-lgsr", "transactions")
    ))
}

#[test]
fn columns_that_are_not_mapped() {
    assert_eq!(
        error_of_mapped(""),
        r#"error: the layout `transactions` needs to know which columns mean what
 --> spec.toml:2:1
  |
2 | [source]
  | ^^^^^^^^
  = help: add [source.columns] with item_id = "…" and user_id or basket_id"#
    );
    assert_eq!(
        error_of_mapped("[source.columns]\nitem_id = \"product\"\n"),
        r#"error: neither user_id nor basket_id is mapped: nothing says which lines belong together
 --> spec.toml:5:1
  |
5 | [source.columns]
  | ^^^^^^^^^^^^^^^^
  = help: map one of them, or both"#
    );
}

#[test]
fn a_column_with_a_key_that_is_not_its_own() {
    assert_eq!(
        error_of_mapped("[source.columns]\nitem_id = { name = \"product\", format = \"%d\" }\nuser_id = 3\n"),
        r#"error: `format` in a column of [source.columns] has no meaning for item_id
 --> spec.toml:6:41
  |
6 | item_id = { name = "product", format = "%d" }
  |                                         ^^^^
  = help: remove it: it is for ordered_at

error: `user_id` in [source.columns] must be the name of a column, or a table with its `name`, found 3
 --> spec.toml:7:11
  |
7 | user_id = 3
  |           ^"#
            .replace("6:41", "6:40")
            .replace("|                                         ^^^^", "|                                        ^^^^")
    );
}

#[test]
fn a_dialect_of_more_than_one_character() {
    assert_eq!(
        error_of_mapped(
            "[source.csv]\ndelimiter = \"||\"\n[source.columns]\nitem_id = \"a\"\nuser_id = \"b\"\n"
        ),
        r#"error: `delimiter` in [source.csv] must be one ASCII character, found "||"
 --> spec.toml:6:13
  |
6 | delimiter = "||"
  |             ^^^^"#
    );
}

#[test]
fn a_split_by_time_without_a_time() {
    assert_eq!(
        error_of_mapped(
            "columns = { item_id = \"a\", user_id = \"b\" }\n[split]\nby = \"time\"\n[[train]]\nname = \"v\"\nmodel = \"prod2vec\"\n"
        ),
        r#"error: the split is by time, and [source.columns] maps no ordered_at
 --> spec.toml:7:6
  |
7 | by = "time"
  |      ^^^^^^
  = help: map ordered_at, or set by = "last-basket" in [split]"#
    );
}

#[test]
fn columns_of_a_layout_that_knows_its_own() {
    assert_eq!(
        error_after_head("columns = { item_id = \"a\", user_id = \"b\" }\n"),
        r#"error: the layout `dunnhumby-lgsr` knows its own columns and form
 --> spec.toml:5:11
  |
5 | columns = { item_id = "a", user_id = "b" }
  |           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  = help: remove it, or set layout = "transactions""#
    );
}

#[test]
fn a_table_without_sql() {
    assert_eq!(
        error_after_head("[[table]]\nname = \"items\"\n"),
        r#"error: table `items` has no SQL
 --> spec.toml:6:8
  |
6 | name = "items"
  |        ^^^^^^^
  = help: give `sql`, or `file` with a file that holds it"#
    );
    assert_eq!(
        error_after_head("[[table]]\nname = \"Items\"\nsql = \"select 1\"\n"),
        r#"error: `name` in [[table]] must be 1 to 64 of `a`-`z`, `0`-`9` and `_`, beginning with a letter, found "Items"
 --> spec.toml:6:8
  |
6 | name = "Items"
  |        ^^^^^^^"#
    );
}

#[test]
fn neighbours_of_the_attention_lstm_need_what_they_are_part_of() {
    let error = error_after_head(
        r#"[[train]]
name = "next"
model = "attention-lstm"
params = { candidates = 20 }

[[train]]
name = "plain"
model = "attention-lstm"
params = { repeat_units = 0, neighbours = 10 }
"#,
    );
    assert_eq!(
        error,
        r#"error: `candidates` in params of attention-lstm has no meaning without neighbours
 --> spec.toml:8:25
  |
8 | params = { candidates = 20 }
  |                         ^^
  = help: remove it, or give `neighbours`

error: `neighbours` in params of attention-lstm has no meaning in the plain model
  --> spec.toml:13:43
   |
13 | params = { repeat_units = 0, neighbours = 10 }
   |                                           ^^
   = help: remove it, or repeat_units = 0"#
    );
}

#[test]
fn params_of_the_attention_lstm_that_cannot_be() {
    let error = error_after_head(
        r#"[[train]]
name = "next"
model = "attention-lstm"
params = { hidden = 100, dropout = 1, schedule = "cosin", patiences = 3 }
"#,
    );
    assert_eq!(
        error,
        r#"error: `hidden` is 100, which is no multiple of 16
 --> spec.toml:8:21
  |
8 | params = { hidden = 100, dropout = 1, schedule = "cosin", patiences = 3 }
  |                     ^^^
  = help: take 96

error: `dropout` in params of attention-lstm must be a number from 0 to below 1, found 1
 --> spec.toml:8:36
  |
8 | params = { hidden = 100, dropout = 1, schedule = "cosin", patiences = 3 }
  |                                    ^

error: `schedule` in params of attention-lstm must be one of `constant`, `cosine`, `plateau`, found "cosin"
 --> spec.toml:8:50
  |
8 | params = { hidden = 100, dropout = 1, schedule = "cosin", patiences = 3 }
  |                                                  ^^^^^^^
  = help: did you mean `cosine`?

error: unknown key `patiences` in params of attention-lstm
 --> spec.toml:8:59
  |
8 | params = { hidden = 100, dropout = 1, schedule = "cosin", patiences = 3 }
  |                                                           ^^^^^^^^^
  = help: did you mean `patience`?"#
    );
}

#[test]
fn params_of_wide_and_deep_that_cannot_be() {
    let error = error_after_head(
        r#"[[train]]
name = "offers"
model = "wide-and-deep"
[train.params]
crosses = [["item", "item"], ["user", "item"], ["item", "user"]]
deep = [16, 0]
context = ["price", "price"]
class_weights = "balance"
"#,
    );
    assert_eq!(
        error,
        r#"error: `crosses[0]` in params of wide-and-deep must be a list of two different names, found a list
 --> spec.toml:9:12
  |
9 | crosses = [["item", "item"], ["user", "item"], ["item", "user"]]
  |            ^^^^^^^^^^^^^^^^

error: `deep[1]` in params of wide-and-deep must be an integer from 1 to 1024, found 0
  --> spec.toml:10:13
   |
10 | deep = [16, 0]
   |             ^

error: `context` has `price` twice
  --> spec.toml:11:11
   |
11 | context = ["price", "price"]
   |           ^^^^^^^^^^^^^^^^^^
   = help: remove one

error: `class_weights` in params of wide-and-deep must be one of `balanced`, `none`, found "balance"
  --> spec.toml:12:17
   |
12 | class_weights = "balance"
   |                 ^^^^^^^^^
   = help: did you mean `balanced`?"#
    );
    let twice = error_after_head(
        r#"[[train]]
name = "offers"
model = "wide-and-deep"
params = { crosses = [["user", "item"], ["item", "user"]] }
"#,
    );
    assert_eq!(
        twice,
        r#"error: `crosses` has the pair of `item` and `user` twice
 --> spec.toml:8:22
  |
8 | params = { crosses = [["user", "item"], ["item", "user"]] }
  |                      ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  = help: remove one"#
    );
}

#[test]
fn what_fits_no_model_of_decisions() {
    assert_eq!(
        error_after_head(
            r#"[[train]]
name = "offers"
model = "wide-and-deep"
gate = "ndcg@10 > 0.1"
[[baseline]]
model = "up-cf"
"#
        ),
        r#"error: the gate names ndcg@10, which `offers`, a model of kind wide-and-deep, has not
 --> spec.toml:8:8
  |
8 | gate = "ndcg@10 > 0.1"
  |        ^^^^^^^^^^^^^^^
  = help: give `offers` a `gate` over auc, pr_auc, log_loss, accuracy, precision, recall

error: no model of the spec can be compared with `up-cf`
  --> spec.toml:10:9
   |
10 | model = "up-cf"
   |         ^^^^^^^
   = help: it ranks for users; train a model such as als"#
    );
    assert_eq!(
        error_after_head(
            r#"[[train]]
name = "factors"
model = "als"
[[baseline]]
model = "logistic"
study = {}
"#
        ),
        r#"error: `study` in [[baseline]] has no meaning: logistic has no study
  --> spec.toml:10:9
   |
10 | study = {}
   |         ^^
   = help: remove it"#
    );
}
