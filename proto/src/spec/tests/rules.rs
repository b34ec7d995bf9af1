//! Errors of `[[check]]`: a rule that lacks a key, has one too many, or one that means nothing.

use super::super::{CheckRule, Within};
use super::{error_after_head, parse};

/// Keys below `name`, which is on line 6; where the error is, what it says, and what helps.
const CASES: [(&str, &str, &str, &str); 14] = [
    (
        "rule = \"not-nul\"",
        ":7:8",
        "`rule` in [[check]] must be one of `not-null`,",
        "did you mean `not-null`?",
    ),
    (
        "rule = \"not-null\"\ntable = \"t\"",
        ":5:1",
        "missing key `column` in [[check]]",
        "`not-null` needs it",
    ),
    (
        "rule = \"not-null\"\ntable = \"t\"\ncolumn = \"c\"\nmin = 1",
        ":10:7",
        "`min` in [[check]] does not go with rule = \"not-null\"",
        "`not-null` takes `table`, `column`, `limit`, `max_share`",
    ),
    (
        "rule = \"not-null\"\nsql = \"select 1\"",
        ":8:7",
        "`rule` and `sql` in [[check]] exclude each other",
        "remove one",
    ),
    (
        "sql = \"select 1\"\ntable = \"t\"",
        ":8:9",
        "`table` in [[check]] does not go with `sql`",
        "`sql` takes `sql`, `limit`",
    ),
    (
        "rule = \"unique\"\ntable = \"t\"\ncolumn = \"c\"\nlimit = 1\nmax_share = 0.1",
        ":11:13",
        "`max_share` in [[check]] and `limit` say the same",
        "remove one",
    ),
    (
        "rule = \"unique\"\ntable = \"t\"",
        ":5:1",
        "`column` in [[check]] is missing",
        "name a `column` or `columns`",
    ),
    (
        "rule = \"in-range\"\ntable = \"t\"\ncolumn = \"c\"",
        ":5:1",
        "`min` in [[check]] is missing, and `max` too",
        "give one or both",
    ),
    (
        "rule = \"rows-between\"\ntable = \"t\"\nmin = \"7\"",
        ":9:7",
        "`min` in [[check]] is a text",
        "a number is compared with it",
    ),
    (
        "rule = \"foreign-key\"\ntable = \"t\"\ncolumn = \"c\"\nreferences = \"items\"",
        ":10:14",
        "`references` in [[check]] names no column",
        "such as items.item_id",
    ),
    (
        "rule = \"fresh\"\ntable = \"t\"\ncolumn = \"c\"\nwithin = \"8 days\"",
        ":10:10",
        "`within` in [[check]] is no span of time",
        "such as 36h, 8d or 2w",
    ),
    (
        "rule = \"types\"\ntable = \"t\"\ntypes = { a = \"string\" }",
        ":9:9",
        "`types` in [[check]] must be a table of columns and their types",
        "a type is one of `id`, `text`,",
    ),
    (
        "rule = \"drift\"\ntable = \"t\"\nof = \"median\"\nmax_change = 0.1",
        ":9:6",
        "`of` in [[check]] is `median`",
        "it must be `rows`, `mean` or `unseen`",
    ),
    (
        "rule = \"not-null\"\ntable = \"t\"\ncolumn = \"c\"\nmax_share = 3",
        ":10:13",
        "`max_share` in [[check]] must be a number from 0 to 1, found 3",
        "",
    ),
];

#[test]
fn a_rule_with_wrong_keys_is_refused_at_the_key() {
    for (keys, place, message, help) in CASES {
        let error = error_after_head(&format!("[[check]]\nname = \"mine\"\n{keys}\n"));
        for words in [format!("spec.toml{place}\n"), message.into(), help.into()] {
            assert!(error.contains(&words), "{words}:\n{error}");
        }
        assert_eq!(error.matches("error: ").count(), 1, "{error}");
    }
}

#[test]
fn rules_read_as_sentences() {
    let rule = |keys: &str| -> CheckRule {
        let spec = parse(&format!(
            "{}[[check]]\nname = \"mine\"\n{keys}\n",
            super::HEAD
        ));
        spec.check[0].rule.clone()
    };
    for (keys, sentence) in [
        (
            "rule = 'not-null'\ntable = 't'\ncolumn = 'c'",
            "t.c is not null",
        ),
        (
            "rule = 'in-range'\ntable = 't'\ncolumn = 'd'\nmin = 2006-04-10",
            "t.d at least 2006-04-10",
        ),
        (
            "rule = 'distinct-between'\ntable = 't'\ncolumn = 'c'\nmin = 2\nmax = 9",
            "different values of t.c from 2 to 9",
        ),
        (
            "rule = 'fresh'\ntable = 't'\ncolumn = 'c'\nwithin = '48h'",
            "newest t.c is at most 2d old",
        ),
        (
            "rule = 'drift'\ntable = 't'\nof = 'unseen'\ncolumn = 'c'\nmax_change = 0",
            "few values of t.c are new",
        ),
    ] {
        assert_eq!(rule(keys).to_string(), sentence);
    }
    assert_eq!("2w".parse(), Ok(Within { seconds: 1_209_600 }));
}
