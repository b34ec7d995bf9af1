//! Executors that are killed one after another or all together, and such as can keep nothing.

use pannier_tests::{Options, on_cluster};

use crate::alone::{Alone, made_on};
use crate::reading::{Reader, address};

/// Two executors that find their tables.
pub const TWO: Options = Options {
    executors: 2,
    trainers: 0,
    tables: true,
};

#[tokio::test]
async fn executors_may_be_killed_in_turn() -> anyhow::Result<()> {
    on_cluster(TWO, async |cluster, shared| {
        let run = made_on(cluster, shared).await?;
        let mut reader = Reader::start(cluster, &format!("{run}/lines"), &[])?;
        for _ in 0..2 {
            reader.is_fed_by(&cluster.executors[0]).await?;
            cluster.executors[0].kill()?;
            reader.leaves(&address(&cluster.executors[0])?).await?;
            reader.hold()?;
            // The next one in turn is the one that has been there from the beginning.
            cluster.executors.remove(0);
            cluster.add_executor()?;
            cluster.ready(2, 0).await?;
            reader.go_on()?;
        }
        let expected = Alone::of(shared)?.read("lines", &[])?;
        reader.done().await?.must_be(&expected)
    })
    .await
}

#[tokio::test]
async fn a_reader_waits_while_all_executors_are_away() -> anyhow::Result<()> {
    on_cluster(TWO, async |cluster, shared| {
        let run = made_on(cluster, shared).await?;
        let mut reader = Reader::start(cluster, &format!("{run}/lines"), &[])?;
        reader.is_fed_by(&cluster.executors[0]).await?;
        for executor in &mut cluster.executors {
            executor.kill()?;
        }
        for executor in &cluster.executors {
            reader.leaves(&address(executor)?).await?;
        }
        cluster
            .until("the scheduler knows nobody", |info| info.executors == 0)
            .await?;
        reader.must_live()?;
        cluster.executors.clear();
        cluster.add_executor()?;
        cluster.add_executor()?;
        let expected = Alone::of(shared)?.read("lines", &[])?;
        reader.done().await?.must_be(&expected)
    })
    .await
}

/// Every row group is decoded anew for every window, and a stream holds a step at a time.
#[tokio::test]
async fn executors_that_can_keep_nothing_feed_the_same() -> anyhow::Result<()> {
    let nobody = Options {
        executors: 0,
        ..TWO
    };
    on_cluster(nobody, async |cluster, shared| {
        for _ in 0..2 {
            cluster.add_executor_with(&[
                "feed_cache=1KiB",
                "feed_stream_bytes=1KiB",
                "feed_threads=1",
            ])?;
        }
        cluster.ready(2, 0).await?;
        let run = made_on(cluster, shared).await?;
        let alone = Alone::of(shared)?;
        for feed in ["lines", "pairs", "histories"] {
            let expected = alone.read(feed, &[])?;
            // Whoever makes the transform.
            for args in [&[][..], &["--executor"]] {
                let reader = Reader::start(cluster, &format!("{run}/{feed}"), args)?;
                reader.done().await?.must_be(&expected)?;
            }
        }
        Ok(())
    })
    .await
}
