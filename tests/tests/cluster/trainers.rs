//! Trainers that are killed or stopped: the next attempt goes on from the checkpoint.

use anyhow::{Context, ensure};
use pannier_proto::event::RunEventKind;
use pannier_tests::{Options, on_cluster};

use crate::words::{TRAIN, checkpoint, mid_epoch, resumed_from};

const TRAINING: Options = Options {
    executors: 2,
    trainers: 1,
    tables: true,
};

fn lost(kind: &RunEventKind) -> bool {
    matches!(kind, RunEventKind::StepLost { step, .. } if step == TRAIN)
}

#[tokio::test]
async fn killed_inside_an_epoch() -> anyhow::Result<()> {
    on_cluster(TRAINING, async |cluster, shared| {
        let run = cluster.submit("spec.toml")?;
        cluster
            .event(&run, "a checkpoint inside an epoch", mid_epoch)
            .await?;
        cluster.trainers[0].kill()?;
        let gone = cluster.event(&run, "the lost attempt", lost).await?;
        cluster.add_trainer()?;
        let (events, outcome) = cluster.succeeded(&run).await?;
        let from = resumed_from(&events).context("the next attempt began at the beginning")?;
        let last = events[..gone.offset as usize]
            .iter()
            .rev()
            .find_map(|e| checkpoint(&e.kind));
        // A checkpoint may have been committed whose report died with the trainer.
        ensure!(last <= Some(from), "resumed from {from:?}, not {last:?}");
        ensure!(from.0 > 0, "{from:?}");
        assert_eq!(outcome, shared.outcome);
        Ok(())
    })
    .await
}

#[tokio::test]
async fn stopped_while_the_next_attempt_runs_elsewhere() -> anyhow::Result<()> {
    on_cluster(TRAINING, async |cluster, shared| {
        let run = cluster.submit("spec.toml")?;
        cluster
            .event(&run, "a checkpoint inside an epoch", mid_epoch)
            .await?;
        cluster.trainers[0].signal("STOP")?;
        let gone = cluster.event(&run, "the lost attempt", lost).await?;
        cluster.add_trainer()?;
        let next = cluster
            .event(&run, "a checkpoint of the next attempt", |kind| {
                matches!(kind, RunEventKind::StepStarted { step, attempt: 2 } if step == TRAIN)
            })
            .await?;
        ensure!(next.offset > gone.offset, "{next:?}");
        cluster
            .event(&run, "the next attempt has a trainer", |kind| {
                matches!(kind, RunEventKind::Log { step, text }
                    if step == TRAIN && text.starts_with("attempt 2 on trainer"))
            })
            .await?;
        cluster.trainers[0].signal("CONT")?;
        let (events, outcome) = cluster.succeeded(&run).await?;
        ensure!(resumed_from(&events).is_some(), "began at the beginning");
        assert_eq!(outcome, shared.outcome);
        cluster.ready(2, 2).await
    })
    .await
}
