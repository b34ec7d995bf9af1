//! The attention LSTM and the tuned baselines beside it: the same after a killed trainer, and what a run
//! says of them.

use std::fs;

use anyhow::{Context, ensure};
use pannier_proto::event::{RunEvent, RunEventKind, StepOutcome};
use pannier_proto::work::WorkOutcome;
use pannier_tests::{Options, on_cluster, ran, shared};

use crate::resumed::killed_in_training;

const SPEC: &str = r#"name = "next"
seed = 3
[source]
layout = "dunnhumby-lgsr"
path = "raw"
[prepare]
profile = false
[split]
by = "last-basket"
valid_share = 0.3
[evaluate]
k = [10]
min_baskets = 3
[[train]]
name = "next"
model = "attention-lstm"
params = { embedding = 16, hidden = 16, attention = 16, epochs = 12, batch = 16, checkpoint_steps = 4, patience = 0 }
[[baseline]]
model = "popularity"
[[baseline]]
model = "personal-frequency"
study = { decay = [0.8, 0.9, 1.0] }
[[baseline]]
model = "tifu-knn"
study = { groups = [1, 3], neighbours = [5, 50], alpha = [0.3, 0.7] }
[recommend]
top = 5
"#;

#[tokio::test]
async fn a_killed_trainer_changes_no_byte_of_what_comes_next() -> anyhow::Result<()> {
    let options = Options {
        trainers: 1,
        ..Options::default()
    };
    on_cluster(options, async |cluster, _| {
        let (alone, events) = killed_in_training(cluster, SPEC, "next").await?;
        for metric in ["next recall_explore@10", "tifu-knn ndcg@10"] {
            ensure!(alone.metrics.contains_key(metric), "{:?}", alone.metrics);
        }

        let finished = |name: &str| {
            let mut events = events.iter();
            events.find_map(|event| match &event.kind {
                RunEventKind::StepFinished { step, result, .. } if step == name => Some(result),
                _ => None,
            })
        };
        let Some(StepOutcome::Work(WorkOutcome::Predicted { trials, .. })) =
            finished("predict-users:tifu-knn")
        else {
            anyhow::bail!("tifu-knn did not rank");
        };
        assert_eq!(trials.len(), 8);
        let evaluated = finished("evaluate").context("evaluate")?;
        let StepOutcome::Evaluated { calibration, .. } = evaluated else {
            anyhow::bail!("{evaluated:?}");
        };
        let places: u64 = calibration.iter().map(|row| row.n).sum();
        ensure!(places > 0 && calibration.iter().all(|row| row.method == "next"));
        let right = calibration
            .iter()
            .all(|row| (0.0..=1.0).contains(&row.observed));
        ensure!(right, "{calibration:?}");
        let listed = finished("recommend:next").context("recommend")?;
        let StepOutcome::Listed { users, rows, .. } = listed else {
            anyhow::bail!("{listed:?}");
        };
        assert_eq!(*rows, 5 * users);
        Ok(())
    })
    .await
}

/// Recall, nDCG and hit rate at 10 of the last basket, over users of at least three baskets before week
/// 200807: measured elsewhere, by another program.
const KNOWN: [(&str, [f64; 3]); 3] = [
    ("popularity", [0.1230, 0.1318, 0.476]),
    ("personal-frequency", [0.2391, 0.2572, 0.632]),
    ("lately", [0.2585, 0.2813, 0.648]),
];

const REAL: &str = r#"name = "real"
[source]
layout = "dunnhumby-lgsr"
path = "raw"
[prepare]
weeks = { to = 200806 }
min_item_baskets = 1
profile = false
[split]
by = "last-basket"
[evaluate]
k = [10]
min_baskets = 3
[[baseline]]
model = "popularity"
[[baseline]]
model = "personal-frequency"
[[baseline]]
name = "lately"
model = "personal-frequency"
params = { decay = 0.95 }
"#;

#[tokio::test]
async fn baselines_of_the_real_source_are_as_known() -> anyhow::Result<()> {
    let Some(data) = std::env::var_os("PANNIER_TEST_LGSR") else {
        eprintln!("skipped: PANNIER_TEST_LGSR names no folder with LGSR's weekly files");
        return Ok(());
    };
    let _turn = shared()?;
    let dir = tempfile::tempdir()?;
    let path = std::path::PathBuf::from(data).display().to_string();
    let spec = REAL.replace("\"raw\"", &format!("{path:?}"));
    fs::write(dir.path().join("spec.toml"), spec)?;
    let out = ran(dir.path(), &["run", "spec.toml", "--json"])?.good()?;
    let mut rows = Vec::new();
    for line in out.lines() {
        let event: RunEvent = serde_json::from_str(line)?;
        if let RunEventKind::StepFinished {
            result: StepOutcome::Evaluated { metrics, .. },
            ..
        } = event.kind
        {
            rows = metrics;
        }
    }
    for (method, known) in KNOWN {
        for (metric, known) in ["recall@10", "ndcg@10", "user_hit_rate@10"]
            .iter()
            .zip(known)
        {
            let row = rows
                .iter()
                .find(|row| row.method == method && row.metric == *metric);
            let row = row.with_context(|| format!("{method} has no {metric}"))?;
            ensure!(
                (row.value - known).abs() < 6e-4,
                "{method} {metric}: {} {known}",
                row.value
            );
        }
    }
    Ok(())
}
