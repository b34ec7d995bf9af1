//! Plans, models and what a clean-up removes.

use pannier_client::Garbage;
use pannier_proto::ids::short;
use pannier_proto::status::{ModelInfo, PlanStep};

use super::format::{bytes, count, plural, timestamp};
use super::table::Table;

/// Paths named of a clean-up; the rest are counted.
const MOST_PATHS: usize = 20;

/// What a spec would run.
pub fn plan(steps: &[PlanStep]) -> Vec<String> {
    let mut table = Table::new(&["step", "there already?", "version", ">rows", "after"]);
    for step in steps {
        table.row([
            match &step.note {
                Some(note) => format!("{} ({note})", step.step),
                None => step.step.clone(),
            },
            if step.exists { "yes" } else { "no" }.to_owned(),
            step.version
                .as_deref()
                .map(short)
                .unwrap_or_default()
                .to_owned(),
            step.rows.map(count).unwrap_or_default(),
            step.after.join(", "),
        ]);
    }
    let mut lines = table.lines();
    let there = steps.iter().filter(|s| s.exists).count() as u64;
    let all = steps.len() as u64;
    lines.push(format!(
        "{} to do, {} already there",
        plural(all - there, "step"),
        count(there)
    ));
    lines
}

/// Published models with their first metrics.
pub fn models(models: &[ModelInfo]) -> Vec<String> {
    if models.is_empty() {
        return vec!["no models yet; a spec with [publish] makes some".to_owned()];
    }
    let mut table = Table::new(&[
        "model",
        ">version",
        "aliases",
        "kind",
        "published (UTC)",
        ">size",
        "metrics",
    ]);
    for model in models {
        let metrics: Vec<String> = model
            .metrics
            .iter()
            .take(3)
            .map(|(name, value)| format!("{name} {value:.4}"))
            .collect();
        table.row([
            model.model.clone(),
            model.version.to_string(),
            model.aliases.join(", "),
            model.kind.clone(),
            timestamp(model.published_ms),
            bytes(model.bytes),
            metrics.join(", "),
        ]);
    }
    table.lines()
}

/// What a clean-up removed, or would remove.
pub fn garbage(garbage: &Garbage, dry_run: bool) -> Vec<String> {
    let mut lines: Vec<String> = garbage.removed.iter().take(MOST_PATHS).cloned().collect();
    let rest = garbage.removed.len().saturating_sub(MOST_PATHS);
    if rest > 0 {
        lines.push(format!("… and {} more", count(rest as u64)));
    }
    let verb = if dry_run { "would remove" } else { "removed" };
    lines.push(format!(
        "{verb} {}, {}",
        plural(garbage.removed.len() as u64, "object"),
        bytes(garbage.bytes)
    ));
    lines
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn a_plan_says_what_is_there() {
        let step = |step: &str, exists, version: Option<&str>, rows, after: &[&str]| PlanStep {
            step: step.into(),
            exists,
            version: version.map(Into::into),
            rows,
            after: after.iter().map(|a| (*a).into()).collect(),
            note: None,
        };
        let steps = [
            step("raw", true, None, Some(311_204), &[]),
            step(
                "table:baskets",
                true,
                Some("0123456789abcdef"),
                Some(92_339),
                &["raw"],
            ),
            step(
                "train:vectors",
                false,
                None,
                None,
                &["table:baskets", "table:vocab"],
            ),
        ];
        let want = "\
step           there already?  version          rows  after
raw            yes                           311,204
table:baskets  yes             0123456789ab   92,339  raw
train:vectors  no                                     table:baskets, table:vocab
1 step to do, 2 already there";
        assert_eq!(plan(&steps).join("\n"), want);
    }

    #[test]
    fn models_show_aliases_and_metrics() {
        let model = ModelInfo {
            model: "grocery-vectors".into(),
            version: 3,
            kind: "prod2vec".into(),
            aliases: vec!["champion".into()],
            run_id: "r".into(),
            published_ms: 1_700_000_000_000,
            metrics: BTreeMap::from([("hit_rate@10".into(), 0.21344)]),
            bytes: 4_100_000,
        };
        let want = "\
model            version  aliases   kind      published (UTC)        size  metrics
grocery-vectors        3  champion  prod2vec  2023-11-14 22:13:20  4.1 MB  hit_rate@10 0.2134";
        assert_eq!(models(&[model]).join("\n"), want);
    }

    #[test]
    fn garbage_is_counted() {
        let found = Garbage {
            removed: (0..22).map(|i| format!("tables/t/{i}")).collect(),
            bytes: 2048,
        };
        let lines = garbage(&found, true);
        assert_eq!(
            lines[20..],
            ["… and 2 more", "would remove 22 objects, 2.0 kB"]
        );
    }
}
