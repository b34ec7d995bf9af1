//! Others can read a feed: plain `pyarrow.flight`, with a ticket of JSON, into a PyTorch loop, where
//! Python has both.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, ensure};
use pannier_tests::{Options, on_cluster};

use crate::alone::made_on;
use crate::reading::address;

const CLUSTER: Options = Options {
    executors: 1,
    trainers: 0,
    tables: true,
};

/// `PANNIER_PYTHON`, or `python3`.
fn python() -> Command {
    Command::new(std::env::var("PANNIER_PYTHON").unwrap_or_else(|_| "python3".to_owned()))
}

fn has(modules: &str) -> bool {
    let asked = python().args(["-c", &format!("import {modules}")]).output();
    asked.is_ok_and(|answer| answer.status.success())
}

#[tokio::test]
async fn a_torch_loop_reads_a_feed() -> anyhow::Result<()> {
    if !has("pyarrow.flight, torch") {
        eprintln!("skipped: python3 (or PANNIER_PYTHON) has no pyarrow with torch");
        return Ok(());
    }
    on_cluster(CLUSTER, async |cluster, shared| {
        let run = made_on(cluster, shared).await?;
        let shown = cluster.ran(&["feed", "show", &format!("{run}/pairs"), "--json"])?;
        let detail: serde_json::Value = serde_json::from_str(&shown.good()?)?;
        let digest = detail["info"]["digest"]
            .as_str()
            .context("it has a digest")?;
        let rows = "select count(*) + 2 as n from vocab";
        let items = cluster.ran(&["sql", rows, "--csv"])?.good()?;
        let items = items.lines().last().context("the vocab has rows")?;
        let executor = cluster.executors.first().context("there is an executor")?;
        let flight = address(executor)?.replace("http://", "grpc://");
        let example =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../client/python/examples/feed_torch.py");
        let said = python()
            .arg(example)
            .args(["--address", &flight, "--feed", digest, "--items", items])
            .args(["--epochs", "2", "--from-epoch", "1", "--from-step", "3"])
            .output()?;
        let text = String::from_utf8_lossy(&said.stdout).into_owned();
        ensure!(
            said.status.success(),
            "{text}{}",
            String::from_utf8_lossy(&said.stderr)
        );
        ensure!(text.contains("loss"), "{text}");
        Ok(())
    })
    .await
}
