//! Replicas of other numbers, in the middle of an epoch, on more and on fewer executors.

use std::collections::BTreeMap;
use std::ops::Range;

use anyhow::ensure;
use pannier_tests::{Cluster, on_cluster};

use crate::alone::{Alone, made_on};
use crate::executors::TWO;
use crate::reading::{Read, Reader};

/// Lets replicas read at the same time; each must read what it reads elsewhere, and all together
/// every row of every step.
async fn replicas_read(
    cluster: &mut Cluster,
    alone: &Alone,
    run: &str,
    steps: Range<u64>,
    replicas: u32,
) -> anyhow::Result<()> {
    let steps = format!("{}..{}", steps.start, steps.end);
    let names: Vec<String> = (0..replicas).map(|r| format!("{r}/{replicas}")).collect();
    let slices = names.iter().map(|n| ["--steps", &steps, "--replica", n]);
    let slices: Vec<[&str; 4]> = slices.collect();
    let mut readers = Vec::new();
    for slice in &slices {
        readers.push(Reader::start(cluster, &format!("{run}/pairs"), slice)?);
    }
    let mut reads = Vec::new();
    for (reader, slice) in readers.into_iter().zip(&slices) {
        let read = reader.done().await?;
        read.must_be(&alone.read("pairs", slice)?)?;
        reads.push(read);
    }
    let whole = alone.read("pairs", &slices[0][..2])?;
    ensure!(
        rows_by_step(&reads) == rows_by_step(&[whole]),
        "the slices of {replicas} replicas do not add up to the steps {steps}"
    );
    Ok(())
}

fn rows_by_step(reads: &[Read]) -> BTreeMap<(u64, u64), u64> {
    let mut rows = BTreeMap::new();
    for batch in reads.iter().flat_map(|read| &read.batches) {
        *rows.entry((batch.epoch, batch.step)).or_default() += batch.rows;
    }
    rows
}

#[tokio::test]
async fn an_epoch_goes_on_with_other_numbers_of_executors_and_replicas() -> anyhow::Result<()> {
    on_cluster(TWO, async |cluster, shared| {
        let run = made_on(cluster, shared).await?;
        let alone = Alone::of(shared)?;
        replicas_read(cluster, &alone, &run, 0..1200, 2).await?;
        cluster.executors[0].kill()?;
        replicas_read(cluster, &alone, &run, 1200..2500, 3).await?;
        cluster.executors.remove(0);
        cluster.add_executor()?;
        cluster.add_executor()?;
        cluster.ready(3, 0).await?;
        replicas_read(cluster, &alone, &run, 2500..3800, 5).await
    })
    .await
}

/// The last step has four rows: of five replicas one gets none, and reads on all the same.
#[tokio::test]
async fn a_replica_may_get_no_row_of_a_short_step() -> anyhow::Result<()> {
    on_cluster(TWO, async |cluster, shared| {
        let run = made_on(cluster, shared).await?;
        let alone = Alone::of(shared)?;
        let steps = alone.read("pairs", &[])?.batches.len() as u64;
        replicas_read(cluster, &alone, &run, steps - 2..steps, 5).await
    })
    .await
}
