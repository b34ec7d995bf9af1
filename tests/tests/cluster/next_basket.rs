//! The attention LSTM and the tuned baselines beside it: the same after a killed trainer, and what a run
//! says of them.

use std::fs;

use anyhow::{Context, ensure};
use pannier_proto::event::{RunEventKind, StepOutcome};
use pannier_proto::work::WorkOutcome;
use pannier_tests::{Options, Outcome, on_cluster, ran};

use crate::words::{checkpoint, resumed_from};

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
        let folder = cluster.dir.path().to_owned();
        let folder = folder.as_path();
        let made = "generate --customers 300 --weeks 12 --seed 5 --out raw";
        ran(folder, &made.split(' ').collect::<Vec<_>>())?.good()?;
        let raw = folder.join("raw").display().to_string();
        fs::write(
            folder.join("next.toml"),
            SPEC.replace("\"raw\"", &format!("{raw:?}")),
        )?;
        let run = ["run", "next.toml", "--data", "alone", "--json"];
        let out = ran(folder, &run)?.good()?;
        let alone = out.lines().map(serde_json::from_str);
        let alone: Vec<_> = alone.collect::<Result<_, _>>()?;
        let alone = Outcome::of(&alone, &folder.join("alone/warehouse"))?;
        for metric in ["next recall_explore@10", "tifu-knn ndcg@10"] {
            ensure!(alone.metrics.contains_key(metric), "{:?}", alone.metrics);
        }

        let run = cluster.submit("next.toml")?;
        let begun = |kind: &RunEventKind| checkpoint(kind).is_some();
        cluster.event(&run, "a checkpoint", begun).await?;
        cluster.trainers[0].kill()?;
        let lost = |kind: &RunEventKind| {
            matches!(kind, RunEventKind::StepLost { step, .. } if step == "train:next")
        };
        cluster.event(&run, "the lost attempt", lost).await?;
        cluster.add_trainer()?;
        let (events, outcome) = cluster.succeeded(&run).await?;
        ensure!(resumed_from(&events).is_some(), "began at the beginning");
        assert_eq!(outcome, alone);

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
        let right = calibration.iter().all(|row| (0.0..=1.0).contains(&row.observed));
        ensure!(right, "{calibration:?}");
        let listed = finished("recommend:next").context("recommend")?;
        let StepOutcome::Work(WorkOutcome::Predicted { queries, rows, .. }) = listed else {
            anyhow::bail!("{listed:?}");
        };
        assert_eq!(*rows, 5 * queries);
        Ok(())
    })
    .await
}
