//! Cancel and retry, keys, offsets: the commands around a run.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::ensure;
use pannier_proto::event::{RunEvent, RunEventKind};
use pannier_tests::{Cluster, Options, Shared, on_cluster};
use serde_json::Value;

use crate::words::{half_made, mid_epoch};

/// From the request to the end of the run.
const SECONDS: Duration = Duration::from_secs(10);

/// Files below a folder that have this name.
fn named(folder: &Path, name: &str) -> usize {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return 0;
    };
    let of = |entry: std::fs::DirEntry| {
        let path = entry.path();
        usize::from(entry.file_name() == name) + named(&path, name)
    };
    entries.filter_map(Result::ok).map(of).sum()
}

/// Cancels a run that is under way; nothing may be public then. Retries it; all must be there.
async fn cancelled_and_retried(
    cluster: &mut Cluster,
    shared: &Shared,
    run: &str,
) -> anyhow::Result<()> {
    let began = Instant::now();
    cluster.ran(&["cancel", run])?.good()?;
    let events = cluster.end(run).await?;
    ensure!(
        events
            .last()
            .is_some_and(|e| e.kind == RunEventKind::Cancelled),
        "{:?}",
        events.last()
    );
    ensure!(began.elapsed() < SECONDS, "{:?}", began.elapsed());
    assert_eq!(cluster.ran(&["logs", run, "--follow"])?.code, Some(4));

    let models = cluster.ran(&["models", "--json"])?.good()?;
    assert_eq!(
        serde_json::from_str::<Value>(&models)?,
        Value::Array(vec![])
    );
    let artifacts = cluster.warehouse().join("artifacts");
    assert_eq!(named(&artifacts, "manifest.json"), 0);
    let similar = cluster.ran(&["similar", "--model", "grocery-vectors", "--item", "x"])?;
    assert_eq!(similar.code, Some(1));
    ensure!(
        similar.err.contains("nothing is published yet"),
        "{similar:?}"
    );

    cluster.ran(&["retry", run, "--follow"])?.good()?;
    let (_, outcome) = cluster.succeeded(run).await?;
    assert_eq!(outcome, shared.outcome);
    let models = cluster.ran(&["models", "--json"])?.good()?;
    ensure!(models.contains("grocery-vectors"), "{models}");
    Ok(())
}

#[tokio::test]
async fn cancelled_while_a_model_is_trained() -> anyhow::Result<()> {
    let options = Options {
        trainers: 1,
        tables: true,
        ..Options::default()
    };
    on_cluster(options, async |cluster, shared| {
        let run = cluster.submit("spec.toml")?;
        cluster.event(&run, "a checkpoint", mid_epoch).await?;
        cancelled_and_retried(cluster, shared, &run).await
    })
    .await
}

#[tokio::test]
async fn cancelled_while_tables_are_made() -> anyhow::Result<()> {
    let options = Options {
        trainers: 1,
        ..Options::default()
    };
    on_cluster(options, async |cluster, shared| {
        let run = cluster.submit("spec.toml")?;
        cluster
            .event(&run, "a table half made", |e| {
                half_made(e, |share| share < 0.5)
            })
            .await?;
        cancelled_and_retried(cluster, shared, &run).await
    })
    .await
}

#[tokio::test]
async fn a_key_is_one_run_and_an_offset_is_a_place() -> anyhow::Result<()> {
    let options = Options {
        tables: true,
        ..Options::default()
    };
    on_cluster(options, async |cluster, _| {
        let submit = ["submit", "tables.toml", "--key", "tonight", "--json"];
        let answers: Vec<Value> = [cluster.ran(&submit)?, cluster.ran(&submit)?]
            .into_iter()
            .map(|ran| Ok(serde_json::from_str(&ran.good()?)?))
            .collect::<anyhow::Result<_>>()?;
        assert_eq!(answers[0]["run_id"], answers[1]["run_id"]);
        assert_eq!(
            (&answers[0]["created"], &answers[1]["created"]),
            (&Value::Bool(true), &Value::Bool(false))
        );
        let run = answers[0]["run_id"].as_str().unwrap_or_default().to_owned();
        let (events, _) = cluster.succeeded(&run).await?;
        let runs = cluster.ran(&["list", "--json"])?.good()?;
        assert_eq!(serde_json::from_str::<Vec<Value>>(&runs)?.len(), 1);
        for from in [0, 7, events.len() - 1, events.len()] {
            let out = cluster
                .ran(&["logs", &run, "--json", "--from", &from.to_string()])?
                .good()?;
            let seen: Vec<RunEvent> = out
                .lines()
                .map(serde_json::from_str)
                .collect::<Result<_, _>>()?;
            assert_eq!(seen, events[from..]);
        }
        let again = cluster.ran(&["cancel", &run])?;
        assert_eq!(again.code, Some(1));
        ensure!(again.err.contains("is succeeded"), "{again:?}");
        Ok(())
    })
    .await
}
