//! The same batches from any executor, for any number of replicas, however the table lies.

use std::collections::BTreeSet;

use arrow::array::AsArray;
use arrow::compute::concat_batches;
use arrow::datatypes::UInt64Type;
use pannier_feed::digest::{Chain, of_step};
use pannier_proto::feed::LastStep;

use super::*;

fn chain(batches: &[RecordBatch]) -> String {
    let mut chain = Chain::default();
    for (at, batch) in batches.iter().enumerate() {
        chain.add(&of_step(0, at as u64, batch).unwrap());
    }
    chain.hex()
}

#[tokio::test]
async fn every_transform_is_the_same_whoever_makes_it_and_however_little_is_kept() {
    let world = World::new(30, 3).await;
    let keeps = Executor::start(&world, small()).await;
    let forgets = ExecutorConfig {
        feed_cache: ByteSize(0),
        feed_stream_bytes: ByteSize(1),
        feed_threads: 1,
        ..small()
    };
    let forgets = Executor::start(&world, forgets).await;
    for (name, feed) in every_transform(&world) {
        world.put(&feed).await;
        let here = read(&[&keeps], &reader(), &feed, (0, 1)).await;
        assert_eq!(here.len() as u64, 2 * feed.steps(), "{name}");
        assert!(here.iter().any(|b| b.num_rows() > 0), "{name}");
        let there = ReaderConfig {
            gathered: false,
            ..reader()
        };
        for (executor, config) in [(&keeps, &there), (&forgets, &reader()), (&forgets, &there)] {
            let again = read(&[executor], config, &feed, (0, 1)).await;
            assert_eq!(chain(&again), chain(&here), "{name}");
        }
        let (first, second) = here.split_at(here.len() / 2);
        assert_ne!(chain(first), chain(second), "{name}: another order");
    }
}

#[tokio::test]
async fn global_batches_are_the_same_for_any_number_of_replicas_and_executors() {
    let world = World::new(30, 3).await;
    let mut executors = Vec::new();
    for _ in 0..5 {
        executors.push(Executor::start(&world, small()).await);
    }
    for (name, feed) in every_transform(&world) {
        world.put(&feed).await;
        let whole = read(&[&executors[0]], &reader(), &feed, (0, 1)).await;
        for (replicas, count) in [(1, 5), (2, 1), (3, 2), (4, 3), (8, 5)] {
            let some: Vec<&Executor> = executors[..count].iter().collect();
            let config = reader();
            let slices = (0..replicas).map(|r| read(&some, &config, &feed, (r, replicas)));
            let slices = futures::future::join_all(slices).await;
            for (step, batch) in whole.iter().enumerate() {
                let parts: Vec<_> = slices.iter().map(|s| s[step].clone()).collect();
                let joined = concat_batches(&batch.schema(), &parts).unwrap();
                assert_eq!(&joined, batch, "{name}, {replicas} replicas, step {step}");
            }
        }
    }
}

#[tokio::test]
async fn a_row_group_is_read_once_however_many_replicas_and_epochs() {
    let world = World::new(30, 3).await;
    let executor = Executor::start(&world, small()).await;
    let feed = every_transform(&world).remove("pairs").unwrap();
    world.put(&feed).await;
    let (config, all) = (reader(), [&executor]);
    let readers = (0..8).map(|replica| read(&all, &config, &feed, (replica, 8)));
    futures::future::join_all(readers).await;
    let groups = feed.row_groups.len() as u64;
    assert_eq!(executor.service.rows().reads(), groups);
}

#[tokio::test]
async fn the_end_of_an_epoch_is_what_the_feed_says_for_every_replica() {
    let world = World::new(30, 3).await;
    let executor = Executor::start(&world, small()).await;
    for (last, steps, rows) in [
        (LastStep::Short, 16, 500),
        (LastStep::Drop, 15, 480),
        (LastStep::Pad, 16, 512),
    ] {
        let feed = FeedSpec {
            last,
            ..every_transform(&world).remove("select").unwrap()
        };
        world.put(&feed).await;
        assert_eq!(feed.steps(), steps);
        let mut all = 0;
        for replica in 0..3 {
            let batches = read(&[&executor], &reader(), &feed, (replica, 3)).await;
            assert_eq!(
                batches.len() as u64,
                2 * steps,
                "{last:?}: no replica hangs"
            );
            let rows = batches.iter().map(RecordBatch::num_rows);
            all += rows.sum::<usize>();
        }
        assert_eq!(all, 2 * rows, "{last:?}");
    }
}

#[tokio::test]
async fn rows_are_those_of_the_table_each_once() {
    for (group, parts) in [(7, 1), (64, 5), (1000, 2)] {
        let world = World::new(group, parts).await;
        let executor = Executor::start(&world, small()).await;
        let feed = every_transform(&world).remove("select").unwrap();
        world.put(&feed).await;
        let batches = read(&[&executor], &reader(), &feed, (0, 1)).await;
        for epoch in batches.chunks(feed.steps() as usize) {
            let ids = epoch.iter().flat_map(|b| {
                let column = b.column(1).as_primitive::<UInt64Type>();
                column.values().iter().copied().collect::<Vec<u64>>()
            });
            let ids: Vec<u64> = ids.collect();
            assert_eq!(ids.len(), 500);
            assert_eq!(ids.into_iter().collect::<BTreeSet<_>>(), (0..500).collect());
        }
    }
}
