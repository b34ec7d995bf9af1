//! Rules of baselines: their names, and how much their studies try.

use std::collections::BTreeSet;

use super::super::RunSpec;
use super::super::baseline::{BaselineModel, MOST};
use super::super::prepare::SplitSpec;
use super::{Complaint, complaint};

/// Baselines have names of their own, and models none of theirs.
pub(super) fn names(spec: &RunSpec) -> Vec<Complaint> {
    let mut found = Vec::new();
    let mut seen = BTreeSet::new();
    for (i, baseline) in spec.baseline.iter().enumerate() {
        let name = baseline.name();
        if seen.insert(name) {
            continue;
        }
        let (key, help) = match baseline.name {
            Some(_) => ("name", "give this one another name"),
            None => ("model", "remove one, or give this one a `name`"),
        };
        let message = format!("two [[baseline]] have the name `{name}`");
        found.push(complaint(format!("baseline[{i}].{key}"), message, help));
    }
    let trains = spec.train.iter().map(|t| t.name.as_str()).enumerate();
    let taken = |name: &str| seen.contains(name) || BaselineModel::from_name(name).is_some();
    for (i, name) in trains.filter(|(_, name)| taken(name)) {
        let message = format!("`name` in [[train]] is `{name}`, which is the name of a baseline");
        let help = "the report needs another name";
        found.push(complaint(format!("train[{i}].name"), message, help));
    }
    found
}

/// A study needs users to judge by, and its lists no more combinations than can be drawn from.
pub(super) fn studies(spec: &RunSpec) -> Vec<Complaint> {
    let studies = spec.baseline.iter().enumerate();
    let studies = studies.filter_map(|(i, b)| Some((i, b.study.as_ref()?.combinations())));
    let complaints = studies.filter_map(|(i, combinations)| {
        let key = format!("baseline[{i}].study");
        if !spec.split.validates() {
            let message = "the study has no users to judge by: the split validates nothing";
            let help = match spec.split {
                SplitSpec::Time { .. } => "set `valid_weeks` in [split], to 1 say",
                _ => "set `valid_share` in [split], to 0.1 say",
            };
            return Some(complaint(key, message, help));
        }
        let message = format!("the study has {combinations} combinations, {MOST} at most");
        (combinations > MOST).then(|| complaint(key, message, "give fewer values"))
    });
    complaints.collect()
}
