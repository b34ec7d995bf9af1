//! What `--set` does to the text, and that later errors still point at the user's file.

use super::super::SpecSource;
use super::{HEAD, error, parse, source};

fn pairs(sets: &[(&str, &str)]) -> Vec<(String, String)> {
    sets.iter()
        .map(|(path, value)| (path.to_string(), value.to_string()))
        .collect()
}

fn set(text: &str, sets: &[(&str, &str)]) -> SpecSource {
    source(text)
        .with_overrides(&pairs(sets))
        .unwrap_or_else(|e| panic!("{e}"))
}

fn set_error(text: &str, path: &str, value: &str) -> String {
    source(text)
        .with_overrides(&pairs(&[(path, value)]))
        .unwrap_err()
        .to_string()
}

#[test]
fn a_value_is_replaced_where_it_stands() {
    let text = "name = \"a\" # mine\n[source]\npath = 'x' # his\nlayout = \"l\"\n";
    let after = set(text, &[("name", "b"), ("source.path", "data/x.csv")]);
    assert_eq!(
        after.text,
        "name = \"b\" # mine\n[source]\npath = \"data/x.csv\" # his\nlayout = \"l\"\n"
    );
    assert_eq!(after.file, "spec.toml");
}

#[test]
fn a_value_is_toml_where_it_can_be_and_else_a_string() {
    let values = [
        ("5", "5"),
        ("0.5", "0.5"),
        (" true ", "true"),
        ("[1, 2]", "[1, 2]"),
        ("\"5\"", "\"5\""),
        ("last-basket", "\"last-basket\""),
        ("a\"b\\c\nd", r#""a\"b\\c\nd""#),
        ("", "\"\""),
    ];
    for (value, written) in values {
        assert_eq!(
            set("x = 1\n", &[("x", value)]).text,
            format!("x = {written}\n")
        );
    }
}

#[test]
fn a_missing_key_goes_into_its_table_however_that_is_written() {
    let cases = [
        ("[train]\nb = 1", "train.a", "[train]\na = 5 # --set\nb = 1"),
        (
            "[train] # t\r\nb = 1",
            "train.a",
            "[train] # t\r\na = 5 # --set\nb = 1",
        ),
        ("[train]", "train.a", "[train]\na = 5 # --set\n"),
        ("train = { b = 1 }", "train.a", "train = { a = 5, b = 1 }"),
        ("train = {}", "train.a", "train = { a = 5}"),
        ("train.b = 1", "train.a", "train.a = 5 # --set\ntrain.b = 1"),
        (
            "[train.b]\nc = 1",
            "train.a",
            "train.a = 5 # --set\n[train.b]\nc = 1",
        ),
        (
            "[train]\nb.c = 1",
            "train.b.a",
            "[train]\nb.a = 5 # --set\nb.c = 1",
        ),
        (
            "[[train]]\n[[train]]\nb = 1",
            "train[1].a",
            "[[train]]\n[[train]]\na = 5 # --set\nb = 1",
        ),
        (
            "[[train]]\nb = 1",
            "train[0].c.a",
            "[[train]]\nc.a = 5 # --set\nb = 1",
        ),
        ("[t]\nb = 1", "a", "a = 5 # --set\n[t]\nb = 1"),
        (
            "[t]\nb = 1",
            "train.a",
            "[t]\nb = 1\n[train] # --set\na = 5 # --set\n",
        ),
        ("", "train.b.a", "[train.b] # --set\na = 5 # --set\n"),
    ];
    for (text, path, expected) in cases {
        let after = set(text, &[(path, "5")]);
        assert_eq!(after.text, expected, "{path} in {text}");
        assert!(after.text.parse::<toml::Table>().is_ok(), "{expected}");
    }
}

#[test]
fn several_overrides_build_on_each_other() {
    let after = set(
        HEAD,
        &[
            ("split.by", "time"),
            ("split.test_weeks", "2"),
            ("split.test_weeks", "3"),
        ],
    );
    let by_hand = parse(&format!("{HEAD}[split]\nby = \"time\"\ntest_weeks = 3\n"));
    assert_eq!(parse(&after.text), by_hand);
}

#[test]
fn later_errors_point_at_the_users_file() {
    let rest = "[evaluate]\nk = [\n  10,\n  20,\n]\nquerys = 3\n";
    let after = set(
        &format!("{HEAD}{rest}"),
        &[
            ("seed", "7"),
            ("source.max_reject_share", "0.5"),
            ("evaluate.k", "[5]"),
        ],
    );
    assert_eq!(
        error(&after.text),
        r#"error: unknown key `querys` in [evaluate]
  --> spec.toml:10:1
   |
10 | querys = 3
   | ^^^^^^
   = help: did you mean `queries`?"#
    );
}

#[test]
fn an_error_of_an_override_shows_the_override() {
    let after = set(HEAD, &[("split.test_weeks", "0")]);
    assert_eq!(
        error(&after.text),
        r#"error: `test_weeks` in [split] must be an integer of at least 1, found 0
 --> spec.toml:5:14
  |
5 | test_weeks = 0 # --set
  |              ^"#
    );
}

#[test]
fn a_path_that_leads_nowhere_is_refused() {
    assert_eq!(
        set_error("[[train]]\n", "train[2].name", "x"),
        r#"error: `train[2].name` leads to item 2 of a list of 1
 --> --set:1:1
  |
1 | train[2].name=x
  | ^^^^^^^^^^^^^
  = help: items are counted from 0"#
    );
    let first_line = |text, path| {
        set_error(text, path, "x")
            .lines()
            .next()
            .unwrap()
            .to_string()
    };
    assert_eq!(
        first_line("", "a b"),
        "error: `a b` is not the path of a key"
    );
    assert_eq!(
        first_line("", "a[x]"),
        "error: `a[x]` is not the path of a key"
    );
    assert_eq!(first_line("", ""), "error: `` is not the path of a key");
    assert_eq!(
        first_line("a = 1", "a.b"),
        "error: `a.b` leads through 1, which has no keys"
    );
    assert_eq!(
        first_line("a = 1", "a[0].b"),
        "error: `a[0].b` counts where there is no list"
    );
    assert_eq!(
        first_line("[[a]]", "a.b"),
        "error: `a.b` leads through a list"
    );
    assert_eq!(
        first_line("[[a]]", "a"),
        "error: `a` is a table with its own header"
    );
    assert_eq!(
        first_line("[a]", "a"),
        "error: `a` is a table with its own header"
    );
    assert_eq!(first_line("", "a[0].b"), "error: the spec has no `a[0].b`");
    assert_eq!(
        first_line("a =", "a"),
        "error: this is not TOML: string values must be quoted, expected literal string"
    );
}
