//! What a training recorded of its batches: the same whoever was killed or stopped, and enough to
//! notice one byte that is another.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use pannier_proto::event::RunEventKind;
use pannier_tests::{Cluster, Options, Shared, on_cluster};

use crate::reading::address;

const STEP: &str = "train:vectors";

const NO_TRAINER: Options = Options {
    executors: 2,
    trainers: 0,
    tables: true,
};

/// The ledger of the one training in a warehouse.
fn ledger(warehouse: &Path) -> anyhow::Result<PathBuf> {
    let runs = fs::read_dir(warehouse.join("runs"))?;
    let runs: Vec<_> = runs.collect::<Result<_, _>>()?;
    let ledgers = runs
        .iter()
        .map(|run| run.path().join("train/vectors/ledger"));
    ledgers
        .into_iter()
        .find(|l| l.is_file())
        .context("no ledger was recorded")
}

/// Waits for the run's end; its ledger must be the undisturbed one.
async fn recorded_the_same(
    cluster: &Cluster,
    shared: &Shared,
    run: &str,
) -> anyhow::Result<PathBuf> {
    let (_, outcome) = cluster.succeeded(run).await?;
    let here = ledger(&cluster.warehouse())?;
    let undisturbed = fs::read(ledger(&shared.warehouse)?)?;
    ensure!(!undisturbed.is_empty(), "the undisturbed ledger is empty");
    ensure!(fs::read(&here)? == undisturbed, "other batches were read");
    ensure!(outcome.ledger == shared.outcome.ledger, "{outcome:?}");
    Ok(here)
}

/// Waits for a checkpoint inside an epoch: there is much to read before and behind it.
async fn in_mid_epoch(cluster: &Cluster, run: &str) -> anyhow::Result<()> {
    let inside = |kind: &RunEventKind| {
        let RunEventKind::Log { text, .. } = kind else {
            return false;
        };
        let at = text.strip_prefix("checkpoint at epoch ");
        at.and_then(|at| at.split_once(", step "))
            .is_some_and(|(epoch, step)| epoch != "0" && step != "0")
    };
    cluster
        .event(run, "a checkpoint inside an epoch", inside)
        .await?;
    Ok(())
}

/// What the trainer says of its feed.
fn says(kind: &RunEventKind, words: &[&str]) -> bool {
    matches!(kind, RunEventKind::Log { step, text }
        if step == STEP && words.iter().all(|w| text.contains(w)))
}

#[tokio::test]
async fn a_killed_training_records_what_it_would_have() -> anyhow::Result<()> {
    on_cluster(NO_TRAINER, async |cluster, shared| {
        cluster.add_trainer()?;
        let run = cluster.submit("spec.toml")?;
        in_mid_epoch(cluster, &run).await?;
        cluster.trainers[0].kill()?;
        cluster.add_trainer()?;
        let lost =
            |k: &RunEventKind| matches!(k, RunEventKind::StepLost { step, .. } if step == STEP);
        cluster.event(&run, "the lost attempt", lost).await?;
        let ledger = recorded_the_same(cluster, shared, &run).await?;
        let training = format!("{run}/vectors");
        let replay = ["feed", "replay", &training, "--epoch", "3"];
        cluster.ran(&replay)?.good()?;
        // A byte of a digest of the last epoch: every epoch but that one is what it was.
        let mut bytes = fs::read(&ledger)?;
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        fs::write(&ledger, bytes)?;
        cluster.ran(&replay)?.good()?;
        let whole = cluster.ran(&["feed", "replay", &training, "--json"])?;
        ensure!(whole.code == Some(1), "{whole:?}");
        let said: serde_json::Value = serde_json::from_str(&whole.out)?;
        ensure!(said["different"] == 1, "{said}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_stopped_executor_is_passed_over() -> anyhow::Result<()> {
    on_cluster(NO_TRAINER, async |cluster, shared| {
        cluster.add_trainer_with(&["feed_stall=1s"])?;
        let run = cluster.submit("spec.toml")?;
        in_mid_epoch(cluster, &run).await?;
        cluster.executors[0].signal("STOP")?;
        let stopped = address(&cluster.executors[0])?;
        let words = [&stopped, "nothing came for 1 s", "asking the next executor"];
        cluster
            .event(&run, "the trainer asks the next executor", |k| {
                says(k, &words)
            })
            .await?;
        cluster.executors[0].signal("CONT")?;
        recorded_the_same(cluster, shared, &run).await?;
        let events = cluster.events(&run).await?;
        let attempts = events
            .iter()
            .filter(|e| matches!(&e.kind, RunEventKind::StepStarted { step, .. } if step == STEP));
        ensure!(attempts.count() == 1, "the training was not to start again");
        Ok(())
    })
    .await
}

/// Three attempts of three seconds each, then the run fails and says why.
#[tokio::test]
async fn a_training_without_executors_ends_with_a_reason() -> anyhow::Result<()> {
    on_cluster(NO_TRAINER, async |cluster, _| {
        cluster.add_trainer_with(&["feed_stall=1s", "feed_timeout=3s"])?;
        let run = cluster.submit("spec.toml")?;
        in_mid_epoch(cluster, &run).await?;
        for executor in &mut cluster.executors {
            executor.kill()?;
        }
        let began = Instant::now();
        let events = cluster.end(&run).await?;
        let took = began.elapsed();
        ensure!(took < Duration::from_secs(45), "it took {took:?}");
        let Some(RunEventKind::Failed { error }) = events.last().map(|e| &e.kind) else {
            anyhow::bail!("it did not fail: {:?}", events.last());
        };
        for word in [
            "train:vectors: no executor served step ",
            " of epoch ",
            " for 3 s",
            "the last said: executor ",
            " at http://127.0.0.1:",
        ] {
            ensure!(error.contains(word), "{word}: {error}");
        }
        let failures = events
            .iter()
            .filter(|e| matches!(&e.kind, RunEventKind::StepFailed { step, retryable: true, .. } if step == STEP));
        ensure!(failures.count() == 3, "it was to be tried three times");
        Ok(())
    })
    .await
}
