//! A network that is slow, is cut and comes back between a reader and one of its executors.

use std::io::Write;
use std::time::{Duration, Instant};

use anyhow::ensure;
use pannier_tests::{Cluster, Options, eventually, on_cluster};
use tokio::time::timeout;

use crate::alone::{Alone, made_on};
use crate::executors::TWO;
use crate::namespace::Namespace;
use crate::reading::{Reader, address};

const ONE: Options = Options {
    executors: 1,
    ..TWO
};

/// What was left out is told even where the test passes.
fn skipped(what: &str, why: &anyhow::Error) {
    let line = format!("skipped: {what}: {why:#}\n");
    drop(std::io::stderr().write_all(line.as_bytes()));
}

/// Adds an executor that lives behind the namespace's link.
async fn add_executor_behind(cluster: &mut Cluster, link: &Namespace) -> anyhow::Result<()> {
    // The scheduler listens on loopback only, where the other side cannot reach it.
    cluster.scheduler.kill()?;
    cluster.scheduler_again_on("0.0.0.0")?;
    let program = link.program(cluster.dir.path())?;
    let scheduler = cluster.url().replace("127.0.0.1", &link.outside);
    let host = format!("external_host={}", link.inside);
    cluster.add_executor_from(program, &scheduler, &["bind_host=0.0.0.0", &host])?;
    cluster.ready(2, 0).await
}

/// Reads while the link is slow, where the kernel can slow one.
async fn fed_slowly(reader: &mut Reader, link: &Namespace) -> anyhow::Result<()> {
    let began = Instant::now();
    eventually(Duration::from_secs(60), "bytes come slowly", async || {
        let came = link.came_slowly().ok()?;
        (came > 256 << 10).then_some(())
    })
    .await?;
    // At a million bits a second they take two.
    ensure!(began.elapsed() > Duration::from_secs(1), "it was not slow");
    reader.must_live()?;
    link.hurry()
}

#[tokio::test]
async fn a_network_may_be_slow_and_cut_and_come_back() -> anyhow::Result<()> {
    let link = match Namespace::make() {
        Ok(link) => link,
        Err(error) => {
            skipped(
                "a network that is slow and cut, for want of namespaces",
                &error,
            );
            return Ok(());
        }
    };
    on_cluster(ONE, async |cluster, shared| {
        let run = made_on(cluster, shared).await?;
        add_executor_behind(cluster, &link).await?;
        let slowed = link.slow();
        let mut reader = Reader::start(cluster, &format!("{run}/lines"), &[])?;
        reader.is_fed_by(&cluster.executors[1]).await?;
        match slowed {
            Ok(()) => fed_slowly(&mut reader, &link).await?,
            Err(error) => skipped("a network that is slow", &error),
        }
        reader.is_fed_by(&cluster.executors[1]).await?;
        link.cut()?;
        // Nobody tells the reader: it finds out by itself, in the time that it grants an executor.
        let far = address(&cluster.executors[1])?;
        timeout(Duration::from_secs(30), reader.leaves(&far)).await??;
        reader.hold()?;
        link.join()?;
        cluster.ready(2, 0).await?;
        reader.go_on()?;
        reader.is_fed_by(&cluster.executors[1]).await?;
        let expected = Alone::of(shared)?.read("lines", &[])?;
        reader.done().await?.must_be(&expected)
    })
    .await
}
