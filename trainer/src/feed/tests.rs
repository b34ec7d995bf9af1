//! The feed's client against real executors that fail.

use std::sync::Arc;
use std::time::Duration;

use pannier_proto::config::{ByteSize, Span};
use pannier_proto::feed::{PairWindow, Transform};
use pannier_proto::work::{FeedAddress, StallLedger};

use super::{Directory, Feed, FeedContext, book_wait};
use crate::config::TrainerConfig;
use crate::error::TrainerError;
use crate::testing::executor::{Fault, TestExecutor, TestFeed};
use crate::testing::scheduler::TestScheduler;
use crate::testing::warehouse::baskets;
use crate::testing::{config, context, runtime};

fn pairs() -> TestFeed {
    let transform = Transform::Pairs {
        window: PairWindow::Items(3),
        first_item: 2,
        keep: vec![],
    };
    TestFeed::new(baskets(150, 20, 1), transform, true)
}

/// Reads from `from` to the end of three epochs and compares every batch with the contract's.
fn read(context: &FeedContext, feed: &TestFeed, from: (u64, u64)) -> Result<(), TrainerError> {
    let mut reader = Feed::open(context, &feed.spec, from, 3);
    for epoch in from.0..3 {
        for step in (if epoch == from.0 { from.1 } else { 0 })..feed.spec.steps() {
            let (got, _) = reader.next()?.unwrap();
            assert_eq!((got.epoch, got.step), (epoch, step));
            assert_eq!(got.batch, feed.batch(epoch, step));
            assert_eq!((got.scan_us, got.transform_us), (30, 10));
        }
    }
    assert!(reader.next()?.is_none());
    Ok(())
}

#[test]
fn every_step_in_order_whatever_fails() {
    let runtime = runtime();
    let feed = pairs();
    let start = |id: &str, fault| TestExecutor::start(&runtime, id, vec![feed.clone()], fault);
    for fault in [
        Fault::Fail(2),
        Fault::Fail(0),
        Fault::End(1),
        Fault::Skip(1),
        Fault::Refuse,
    ] {
        let (bad, good) = (start("bad", fault), start("good", Fault::None));
        let (context, mut reports) = context(&runtime, config(), vec![bad.address, good.address]);
        read(&context, &feed, (0, 0)).unwrap();
        read(&context, &feed, (1, 17)).unwrap();
        assert!(!bad.asked.lock().unwrap().is_empty(), "{fault:?}");
        let log = format!("{:?}", reports.try_recv().unwrap().kind);
        assert!(log.contains("executor bad"), "{log}");
    }
}

#[test]
fn two_bad_executors_are_as_good_as_one_that_works_on() {
    let runtime = runtime();
    let feed = pairs();
    let start =
        |id: &str| TestExecutor::start(&runtime, id, vec![feed.clone()], Fault::Fail(1)).address;
    let (context, _reports) = context(&runtime, config(), vec![start("a"), start("b")]);
    read(&context, &feed, (2, 20)).unwrap();
}

#[test]
fn a_silent_executor_is_left() {
    let runtime = runtime();
    let feed = pairs();
    let silent = TestExecutor::start(&runtime, "silent", vec![feed.clone()], Fault::Hang(2));
    let good = TestExecutor::start(&runtime, "good", vec![feed.clone()], Fault::None);
    let config = TrainerConfig {
        feed_stall: Span(Duration::from_millis(100)),
        ..config()
    };
    let (context, _reports) = context(&runtime, config, vec![silent.address, good.address]);
    read(&context, &feed, (2, 0)).unwrap();
}

#[test]
fn a_budget_smaller_than_a_batch_is_no_deadlock() {
    let runtime = runtime();
    let feed = pairs();
    let good = TestExecutor::start(&runtime, "good", vec![feed.clone()], Fault::None);
    let config = TrainerConfig {
        prefetch_bytes: ByteSize(1),
        prefetch_windows: 5,
        prefetch_steps: 1,
        ..config()
    };
    let (context, _reports) = context(&runtime, config, vec![good.address]);
    read(&context, &feed, (0, 0)).unwrap();
}

#[test]
fn nobody_there_is_an_error_worth_a_retry() {
    let runtime = runtime();
    let nobody = FeedAddress {
        executor_id: "gone".into(),
        url: "http://127.0.0.1:1".into(),
    };
    let config = TrainerConfig {
        feed_timeout: Span(Duration::from_millis(250)),
        ..config()
    };
    let (context, _reports) = context(&runtime, config, vec![nobody]);
    let error = read(&context, &pairs(), (1, 5)).unwrap_err();
    assert!(
        matches!(
            error,
            TrainerError::FeedAway {
                epoch: 1,
                step: 5,
                ..
            }
        ) && error.retryable(),
        "{error}"
    );
    assert!(error.to_string().contains("executor gone"), "{error}");
}

#[test]
fn refused_by_all_is_an_error_not_worth_one() {
    let runtime = runtime();
    let start = |id: &str| TestExecutor::start(&runtime, id, vec![], Fault::Refuse).address;
    let (context, _reports) = context(&runtime, config(), vec![start("a"), start("b")]);
    let error = read(&context, &pairs(), (0, 0)).unwrap_err();
    assert!(
        matches!(error, TrainerError::Data { .. }) && !error.retryable(),
        "{error}"
    );
}

#[test]
fn executors_that_come_later_are_found() {
    let runtime = runtime();
    let feed = pairs();
    let late = TestExecutor::start(&runtime, "late", vec![feed.clone()], Fault::None);
    let scheduler = TestScheduler::start(&runtime, vec![late.address]);
    let (mut context, _reports) = context(&runtime, config(), vec![]);
    let endpoint = tonic::transport::Endpoint::from_shared(scheduler.url).unwrap();
    let channel = runtime.block_on(endpoint.connect()).unwrap();
    context.directory = Arc::new(Directory::new(vec![], Some(channel)));
    read(&context, &feed, (2, 0)).unwrap();
}

#[test]
fn cancel_ends_a_wait() {
    let runtime = runtime();
    let feed = pairs();
    let silent = TestExecutor::start(&runtime, "silent", vec![feed.clone()], Fault::Hang(0));
    let config = TrainerConfig {
        feed_stall: Span(Duration::from_secs(600)),
        ..config()
    };
    let (context, _reports) = context(&runtime, config, vec![silent.address]);
    let cancel = context.cancel.clone();
    let asked = Arc::clone(&silent.asked);
    runtime.spawn(async move {
        while asked.lock().unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
        cancel.cancel();
    });
    assert_eq!(read(&context, &feed, (0, 0)), Err(TrainerError::Stopped));
}

#[test]
fn waits_are_divided_without_loss() {
    let booked = |wait_ms, scan_us, transform_us| {
        let mut stall = StallLedger::default();
        book_wait(
            &mut stall,
            Duration::from_millis(wait_ms),
            scan_us,
            transform_us,
        );
        (stall.scan, stall.transform, stall.network)
    };
    let close = |a: (f64, f64, f64), b: (f64, f64, f64)| {
        assert!(
            (a.0 - b.0).abs() + (a.1 - b.1).abs() + (a.2 - b.2).abs() < 1e-9,
            "{a:?} {b:?}"
        );
    };
    close(booked(100, 30_000, 10_000), (0.03, 0.01, 0.06));
    close(booked(20, 30_000, 10_000), (0.015, 0.005, 0.0));
    close(booked(0, 0, 0), (0.0, 0.0, 0.0));
}
