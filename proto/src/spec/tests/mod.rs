//! Tests of the spec: what every kind of error looks like, overrides, gates, and round trips.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod baselines;
mod errors;
mod gates;
mod overrides;
mod round_trip;
mod rules;

use super::{RunSpec, SpecSource};

/// The least that a spec must say: four lines.
const HEAD: &str = r#"name = "grocery"
[source]
layout = "dunnhumby-lgsr"
path = "data/*.csv.gz"
"#;

fn source(text: &str) -> SpecSource {
    SpecSource {
        file: "spec.toml".into(),
        text: text.into(),
    }
}

fn parse(text: &str) -> RunSpec {
    RunSpec::parse(&source(text)).unwrap_or_else(|e| panic!("{e}"))
}

/// How the errors of a spec are shown.
fn error(text: &str) -> String {
    RunSpec::parse(&source(text))
        .expect_err("the spec is wrong")
        .to_string()
}

/// How the errors of a spec are shown that begins with [`HEAD`]; `rest` begins on line 5.
fn error_after_head(rest: &str) -> String {
    error(&format!("{HEAD}{rest}"))
}
