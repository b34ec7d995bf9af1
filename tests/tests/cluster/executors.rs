//! Executors that are killed or stopped: no row is lost, none comes twice.

use std::time::Duration;

use anyhow::ensure;
use pannier_proto::event::RunEventKind;
use pannier_tests::{Cluster, Options, Shared, eventually, on_cluster};

use crate::words::{TRAIN, half_made, mid_epoch};

/// Submits the tables, waits for `share` of a table's partitions, kills an executor, and compares.
async fn killed_at(
    cluster: &mut Cluster,
    shared: &Shared,
    share: impl Fn(f64) -> bool,
) -> anyhow::Result<()> {
    let run = cluster.submit("tables.toml")?;
    cluster
        .event(&run, "a table half made", |e| half_made(e, &share))
        .await?;
    cluster.executors[0].kill()?;
    let events = cluster.events(&run).await?;
    ensure!(
        !events.last().is_some_and(|e| e.kind.is_end()),
        "the run was over before the kill"
    );
    let (_, outcome) = cluster.succeeded(&run).await?;
    assert_eq!(outcome, shared.outcome.only_tables());
    Ok(())
}

#[tokio::test]
async fn killed_while_map_tasks_run() -> anyhow::Result<()> {
    on_cluster(Options::default(), async |cluster, shared| {
        killed_at(cluster, shared, |share| share < 0.5).await
    })
    .await
}

#[tokio::test]
async fn killed_after_the_map_stage() -> anyhow::Result<()> {
    on_cluster(Options::default(), async |cluster, shared| {
        killed_at(cluster, shared, |share| share > 0.5).await
    })
    .await
}

#[tokio::test]
async fn killed_while_it_feeds_a_trainer() -> anyhow::Result<()> {
    let options = Options {
        trainers: 1,
        tables: true,
        ..Options::default()
    };
    on_cluster(options, async |cluster, shared| {
        let run = cluster.submit("spec.toml")?;
        cluster
            .event(&run, "a checkpoint inside an epoch", mid_epoch)
            .await?;
        cluster.executors[0].kill()?;
        let (events, outcome) = cluster.succeeded(&run).await?;
        let noticed = events.iter().any(|e| {
            matches!(&e.kind, RunEventKind::Log { step, text }
                if step == TRAIN && text.contains("asking the next executor"))
        });
        ensure!(
            noticed,
            "the trainer never asked the executor that was killed"
        );
        let attempts = events
            .iter()
            .filter(|e| matches!(&e.kind, RunEventKind::StepStarted { step, .. } if step == TRAIN));
        ensure!(attempts.count() == 1, "the training was not to start again");
        assert_eq!(outcome, shared.outcome);
        Ok(())
    })
    .await
}

#[tokio::test]
async fn stopped_for_longer_than_its_time_out() -> anyhow::Result<()> {
    on_cluster(Options::default(), async |cluster, shared| {
        let run = cluster.submit("tables.toml")?;
        cluster
            .event(&run, "a table half made", |e| {
                half_made(e, |share| share < 0.5)
            })
            .await?;
        cluster.executors[0].signal("STOP")?;
        cluster
            .until("the stopped executor is given up", |info| {
                info.executors == 1
            })
            .await?;
        let events = cluster.events(&run).await?;
        ensure!(
            !events.last().is_some_and(|e| e.kind.is_end()),
            "the run was over before the executor was given up"
        );
        cluster.executors[0].signal("CONT")?;
        let (_, outcome) = cluster.succeeded(&run).await?;
        assert_eq!(outcome, shared.outcome.only_tables());
        // It was sent away and comes back by itself.
        cluster.ready(2, 0).await?;
        let count = cluster
            .ran(&["sql", "select count(*) as n from transactions", "--csv"])?
            .good()?;
        let rows = shared.outcome.tables["transactions"].rows;
        assert_eq!(count, format!("n\n{rows}\n"));
        Ok(())
    })
    .await
}

#[tokio::test]
async fn an_executor_outlives_its_scheduler() -> anyhow::Result<()> {
    let options = Options {
        executors: 1,
        ..Options::default()
    };
    on_cluster(options, async |cluster, _| {
        cluster.scheduler.kill()?;
        let executor = &cluster.executors[0];
        eventually(Duration::from_secs(20), "the executor waits", async || {
            executor.complained().contains("comes back").then_some(())
        })
        .await?;
        cluster.scheduler_again()?;
        cluster.ready(1, 0).await?;
        // A stop is still a stop.
        cluster.executors[0].signal("TERM")?;
        let ended = cluster.executors[0].ended(Duration::from_secs(10)).await?;
        ensure!(ended.success(), "{ended}");
        Ok(())
    })
    .await
}
