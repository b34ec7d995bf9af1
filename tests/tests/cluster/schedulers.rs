//! A scheduler that is killed and started again: runs go on, and so do those who watch them.

use std::time::Duration;

use anyhow::ensure;
use pannier_proto::event::{RunEvent, RunEventKind};
use pannier_tests::{Cluster, Options, Process, Shared, eventually, on_cluster};

use crate::words::{TRAIN, half_made, mid_epoch, resumed_from, unbroken};

/// What a `--follow --json` printed.
fn printed(watcher: &Process) -> Vec<RunEvent> {
    watcher
        .said()
        .lines()
        .filter_map(|l| serde_json::from_str(l).ok())
        .collect()
}

/// Waits until a watcher has printed the event.
async fn saw(
    watcher: &Process,
    what: &str,
    wished: impl Fn(&RunEventKind) -> bool,
) -> anyhow::Result<RunEvent> {
    eventually(Duration::from_secs(60), what, async || {
        printed(watcher).into_iter().find(|e| wished(&e.kind))
    })
    .await
}

/// The run's end as everybody saw it.
async fn ended_well(
    cluster: &mut Cluster,
    shared: &Shared,
    watchers: &mut [Process],
    whole: bool,
) -> anyhow::Result<Vec<RunEvent>> {
    let run = cluster.client().await?.list(1).await?.remove(0).run_id;
    let (events, outcome) = cluster.succeeded(&run).await?;
    let recovered = events.iter().filter(|e| e.kind == RunEventKind::Recovered);
    ensure!(recovered.count() == 1, "the run was not taken up once");
    ensure!(unbroken(&events), "the log has gaps");
    for watcher in watchers {
        let status = watcher.ended(Duration::from_secs(20)).await?;
        ensure!(status.success(), "{status}: {}", watcher.complained());
        let seen = printed(watcher);
        ensure!(
            seen == events,
            "a watcher saw {} of {} events",
            seen.len(),
            events.len()
        );
    }
    let expected = if whole {
        shared.outcome.clone()
    } else {
        shared.outcome.only_tables()
    };
    assert_eq!(outcome, expected);
    Ok(events)
}

#[tokio::test]
async fn killed_while_tables_are_made() -> anyhow::Result<()> {
    on_cluster(Options::default(), async |cluster, shared| {
        let mut watchers = [cluster.command(&["submit", "tables.toml", "--follow", "--json"])?];
        saw(&watchers[0], "a table half made", |e| {
            half_made(e, |share| share < 0.5)
        })
        .await?;
        cluster.scheduler.kill()?;
        // Long enough for Ballista's executors to give up: ours come back all the same.
        for executor in &cluster.executors {
            eventually(Duration::from_secs(30), "the executor waits", async || {
                executor.complained().contains("comes back").then_some(())
            })
            .await?;
        }
        cluster.scheduler_again()?;
        ended_well(cluster, shared, &mut watchers, false).await?;
        cluster.ready(2, 0).await
    })
    .await
}

#[tokio::test]
async fn killed_while_a_model_is_trained() -> anyhow::Result<()> {
    let options = Options {
        trainers: 1,
        tables: true,
        ..Options::default()
    };
    on_cluster(options, async |cluster, shared| {
        let submit = cluster.command(&["submit", "spec.toml", "--follow", "--json"])?;
        saw(&submit, "the run", |_| true).await?;
        let logs = cluster.command(&["logs", "--follow", "--json"])?;
        let mut watchers = [submit, logs];
        saw(&watchers[1], "a checkpoint inside an epoch", mid_epoch).await?;
        cluster.scheduler.kill()?;
        cluster.scheduler_again()?;
        let events = ended_well(cluster, shared, &mut watchers, true).await?;
        ensure!(resumed_from(&events).is_some(), "began at the beginning");
        let attempts = events
            .iter()
            .filter(|e| matches!(&e.kind, RunEventKind::StepStarted { step, .. } if step == TRAIN));
        ensure!(attempts.count() == 2, "one attempt before, one after");
        cluster.ready(2, 1).await
    })
    .await
}
