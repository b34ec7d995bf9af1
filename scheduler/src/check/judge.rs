//! Verdicts: from what was measured to whether a rule holds, and what was found in words. Pure.

use std::collections::BTreeMap;

use pannier_proto::manifest::ManifestColumn;
use pannier_proto::spec::{Against, Allowed, CheckRule, ColumnType, DriftOf};

use super::compile::Readout;
use crate::report::format::{count, significant};

/// The one row of numbers that checks are judged by; null where a table has no rows.
pub type Row = BTreeMap<String, Option<f64>>;

/// What came of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Whether it holds.
    pub passed: bool,
    /// What was found and what is allowed, in words.
    pub found: String,
    /// Rows that offend; 0 for a rule about a whole table.
    pub offending: u64,
}

fn about_table(passed: bool, found: impl Into<String>) -> Verdict {
    Verdict {
        passed,
        found: found.into(),
        offending: 0,
    }
}

/// Judges a rule by the numbers that its readout names. `now` is in seconds since 1970.
#[must_use]
pub fn judge(rule: &CheckRule, readout: &Readout, row: &Row, now: f64) -> Verdict {
    let number = |name: &str| row.get(name).copied().flatten();
    let whole = |name: &str| number(name).unwrap_or(0.0).max(0.0) as u64;
    match readout {
        Readout::Nothing => about_table(true, ""),
        Readout::Unknown => about_table(true, "no earlier run to compare with"),
        Readout::Unchanged => about_table(true, "the same as in the last run"),
        Readout::Offending { offending, rows } => {
            offends(rule, whole(offending), rows.as_deref().map_or(0, whole))
        }
        Readout::Value(name) => between(rule, number(name)),
        Readout::Newest { newest, against } => {
            let held = against.as_deref().map_or(Some(now), number);
            age(rule, number(newest), held)
        }
        Readout::Change { now, before } => change(rule, number(now), number(before)),
    }
}

fn offends(rule: &CheckRule, offending: u64, rows: u64) -> Verdict {
    match rule {
        CheckRule::RejectShare { max_share } => {
            // What was read is what was kept and what was not.
            let lines = offending + rows;
            let allowed = share_of(*max_share, lines);
            Verdict {
                passed: offending <= allowed,
                found: format!(
                    "{} of {} lines were rejected, {} may be",
                    count(offending),
                    count(lines),
                    count(allowed)
                ),
                offending,
            }
        }
        CheckRule::Drift { max_change, .. } => Verdict {
            passed: offending <= share_of(*max_change, rows),
            found: format!(
                "{} of {} different values are new, {} may be",
                count(offending),
                count(rows),
                count(share_of(*max_change, rows))
            ),
            offending,
        },
        CheckRule::Rows { allowed, .. } => {
            let allowed = match allowed {
                Allowed::Rows(limit) => *limit,
                Allowed::Share(share) => share_of(*share, rows),
            };
            Verdict {
                passed: offending <= allowed,
                found: format!(
                    "{} of {} rows offend, {} may",
                    count(offending),
                    count(rows),
                    count(allowed)
                ),
                offending,
            }
        }
        CheckRule::Sql { allowed, .. } => {
            let allowed = match allowed {
                Allowed::Rows(limit) => *limit,
                Allowed::Share(share) => share_of(*share, rows),
            };
            Verdict {
                passed: offending <= allowed,
                found: format!("{} rows offend, {} may", count(offending), count(allowed)),
                offending,
            }
        }
        _ => about_table(true, ""),
    }
}

/// A share of so many, rounded down.
fn share_of(share: f64, of: u64) -> u64 {
    (share * of as f64).floor() as u64
}

fn between(rule: &CheckRule, value: Option<f64>) -> Verdict {
    let CheckRule::Between { min, max, .. } = rule else {
        return about_table(true, "");
    };
    let Some(value) = value.filter(|v| v.is_finite()) else {
        return about_table(
            false,
            "it has no value: there are no rows to compute it from",
        );
    };
    let passed = min.is_none_or(|m| value >= m) && max.is_none_or(|m| value <= m);
    about_table(passed, format!("it is {}", shown(value)))
}

/// Whole numbers in full, others with three digits.
fn shown(value: f64) -> String {
    if value.fract() == 0.0 && (0.0..1e15).contains(&value) {
        count(value as u64)
    } else {
        significant(value)
    }
}

fn age(rule: &CheckRule, newest: Option<f64>, held: Option<f64>) -> Verdict {
    let CheckRule::Fresh {
        within, against, ..
    } = rule
    else {
        return about_table(true, "");
    };
    let (Some(newest), Some(held)) = (newest, held) else {
        return about_table(false, "there is no value to take the age of");
    };
    let seconds = held - newest;
    let days = significant((seconds / 86_400.0).max(0.0));
    let found = match against {
        Against::Now => format!("the newest is {days} days old, {within} is allowed"),
        Against::Newest(other) => {
            format!("the newest is {days} days before {other}, {within} is allowed")
        }
    };
    about_table(seconds <= within.seconds as f64, found)
}

fn change(rule: &CheckRule, now: Option<f64>, before: Option<f64>) -> Verdict {
    let CheckRule::Drift { of, max_change, .. } = rule else {
        return about_table(true, "");
    };
    let what = match of {
        DriftOf::Rows => "rows",
        _ => "mean",
    };
    let (Some(now), Some(before)) = (now, before) else {
        return about_table(now == before, format!("there is no {what} to compare"));
    };
    let change = if now == before {
        0.0
    } else {
        (now - before) / before.abs()
    };
    let found = format!(
        "{what} {} after {}: a change of {}, {} is allowed",
        shown(now),
        shown(before),
        percent(change),
        percent(*max_change)
    );
    about_table(change.abs() <= *max_change, found)
}

fn percent(share: f64) -> String {
    if share.is_finite() {
        format!("{:.1} %", share * 100.0)
    } else {
        "more than any percentage".to_owned()
    }
}

/// Judges the types of a table's columns, as its manifest lists them.
#[must_use]
pub fn judge_types(
    types: &BTreeMap<String, ColumnType>,
    exact: bool,
    columns: &[ManifestColumn],
) -> Verdict {
    let mut wrong = Vec::new();
    for (name, wanted) in types {
        match columns.iter().find(|c| c.name == *name) {
            None => wrong.push(format!("{name} is missing")),
            Some(column) if !wanted.fits(&column.data_type) => wrong.push(format!(
                "{name} is {}, not {}",
                column.data_type,
                wanted.name()
            )),
            Some(_) => {}
        }
    }
    let others = columns
        .iter()
        .filter(|c| exact && !types.contains_key(&c.name));
    wrong.extend(others.map(|c| format!("{} is one too many", c.name)));
    if wrong.is_empty() {
        let columns = format!("{} columns are as they should be", types.len());
        return about_table(true, columns);
    }
    about_table(false, wrong.join(", "))
}
