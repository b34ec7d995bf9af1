//! A scheduler that is killed while a feed is read: batches never pass through it.

use std::time::Duration;

use anyhow::ensure;
use pannier_tests::{eventually, on_cluster};

use crate::alone::{Alone, made_on};
use crate::executors::TWO;
use crate::reading::{Reader, address};

/// Without a scheduler the reader goes on with the executors that it knows; when one of them is
/// killed, with the other. Those that gave their scheduler up begin anew once it is back, under
/// addresses that only the scheduler knows.
#[tokio::test]
async fn a_reader_outlives_the_scheduler() -> anyhow::Result<()> {
    on_cluster(TWO, async |cluster, shared| {
        let run = made_on(cluster, shared).await?;
        let mut reader = Reader::start(cluster, &format!("{run}/lines"), &[])?;
        reader.is_fed_by(&cluster.executors[0]).await?;
        cluster.scheduler.kill()?;
        reader.is_fed_by(&cluster.executors[1]).await?;
        cluster.executors[0].kill()?;
        reader.leaves(&address(&cluster.executors[0])?).await?;
        reader.is_fed_by(&cluster.executors[1]).await?;
        reader.hold()?;
        let old = address(&cluster.executors[1])?;
        let executor = &cluster.executors[1];
        eventually(Duration::from_secs(30), "the executor waits", async || {
            executor.complained().contains("comes back").then_some(())
        })
        .await?;
        cluster.scheduler_again()?;
        cluster.ready(1, 0).await?;
        let new = address(&cluster.executors[1])?;
        ensure!(new != old, "the executor did not begin anew");
        reader.go_on()?;
        reader.is_fed_by(&cluster.executors[1]).await?;
        let expected = Alone::of(shared)?.read("lines", &[])?;
        reader.done().await?.must_be(&expected)
    })
    .await
}
