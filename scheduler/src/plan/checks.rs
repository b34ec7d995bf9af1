//! The steps that hold rules against tables, and what is checked where.

use std::collections::BTreeSet;

use pannier_proto::spec::{CheckRule, CheckSpec, RunSpec, Severity};

use super::{StepKind, StepPlan};
use crate::check;
use crate::layout::Layout;

/// The step that checks the staged tables.
pub const STAGED: &str = "check:staged";
/// The step that checks what is made of them.
pub const INPUTS: &str = "check:inputs";

/// The step that counts lines.
pub const LINES: &str = "check:lines";

/// Every line read must have gone somewhere.
pub fn lines(spec: &RunSpec, layout: &Layout, after: Vec<String>) -> StepPlan {
    let counted = ["transactions", "rejects", "facts"];
    let mut own = spec.table.iter();
    let own = own.any(|t| counted.contains(&t.name.as_str()));
    let raw = layout.lines();
    StepPlan {
        id: LINES.to_owned(),
        after,
        kind: StepKind::Lines { raw, own },
    }
}

/// The share of rejects, the layout's checks, the common ones of a model's inputs, and the spec's.
/// One of the spec takes the place of a default of the same name.
pub fn checks(spec: &RunSpec, layout: &Layout, common: &[CheckSpec]) -> Vec<CheckSpec> {
    let rejects = CheckSpec {
        name: "share of rejects".into(),
        rule: CheckRule::RejectShare {
            max_share: spec.source.max_reject_share,
        },
        severity: Severity::Fail,
    };
    let inputs = common.iter().filter(|_| spec.learns());
    let defaults = std::iter::once(&rejects).chain(&layout.check).chain(inputs);
    defaults
        .filter(|default| !spec.check.iter().any(|own| own.name == default.name))
        .chain(&spec.check)
        .cloned()
        .collect()
}

/// The step that checks a model's inputs, after the tables that it reads.
pub fn input_checks(checks: Vec<CheckSpec>, steps: &[StepPlan]) -> StepPlan {
    let read: BTreeSet<String> = checks
        .iter()
        .flat_map(|check| check::reads(&check.rule))
        .map(|table| format!("table:{table}"))
        .collect();
    let read = steps.iter().filter(|s| read.contains(&s.id));
    let after = read.map(|s| s.id.clone());
    StepPlan {
        id: INPUTS.to_owned(),
        after: std::iter::once(STAGED.to_owned()).chain(after).collect(),
        kind: StepKind::Checks { checks },
    }
}
