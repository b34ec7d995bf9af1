//! What a training and its feed say of themselves while they run.

use anyhow::{Context, ensure};
use pannier_proto::event::RunEventKind;
use pannier_tests::{Options, on_cluster, page};

use crate::reading::address;

const ONE_OF_EACH: Options = Options {
    executors: 1,
    trainers: 1,
    tables: true,
};

/// The number behind a name and its labels.
fn number(page: &str, sample: &str) -> anyhow::Result<f64> {
    let mut lines = page.lines();
    let found = lines.find_map(|line| line.strip_prefix(sample)?.trim().parse().ok());
    found.with_context(|| format!("{sample} is not among\n{page}"))
}

#[tokio::test]
async fn a_training_and_its_feed_are_on_the_pages() -> anyhow::Result<()> {
    on_cluster(ONE_OF_EACH, async |cluster, _| {
        let run = cluster.submit("spec.toml")?;
        let point = |kind: &RunEventKind| matches!(kind, RunEventKind::Loss { .. });
        cluster
            .event(&run, "a point of the loss curve", point)
            .await?;
        // The training waits for its next batch while the page is read.
        cluster.executors[0].signal("STOP")?;
        let scheduler = page(&cluster.url(), "/metrics").await?;
        cluster.executors[0].signal("CONT")?;
        ensure!(number(&scheduler, "pannier_trainers{doing=\"busy\"}")? == 1.0);
        ensure!(number(&scheduler, "pannier_feeds{}")? == 1.0);
        let of = format!("{{run=\"{run}\",step=\"train:vectors\"");
        let seconds = |cause: &str| {
            let sample = format!("pannier_training_seconds_total{of},cause=\"{cause}\"}}");
            number(&scheduler, &sample)
        };
        ensure!(seconds("compute")? > 0.0);
        ensure!(seconds("scan")? >= 0.0);
        ensure!(number(&scheduler, &format!("pannier_training_loss{of}}}"))? > 0.0);
        let executor = page(&address(&cluster.executors[0])?, "/metrics").await?;
        ensure!(number(&executor, "pannier_feed_rows_total{}")? > 0.0);
        ensure!(number(&executor, "pannier_feed_bytes_total{}")? > 0.0);
        ensure!(number(&executor, "pannier_feed_cache_bytes{}")? > 0.0);
        cluster.succeeded(&run).await?;
        // Nothing is kept of what has ended.
        let scheduler = page(&cluster.url(), "/metrics").await?;
        ensure!(number(&scheduler, "pannier_trainers{doing=\"free\"}")? == 1.0);
        ensure!(!scheduler.contains(&run), "{scheduler}");
        Ok(())
    })
    .await
}
