//! The feed's reader against real executors that fail.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use pannier_proto::feed::{KeyedRng, PairWindow, Transform};
use pannier_proto::work::FeedAddress;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::testing::executor::{Fault, TestExecutor, TestFeed};
use crate::testing::runtime;
use crate::testing::scheduler::TestScheduler;

/// Limits that a busy machine keeps; a test of a limit sets it.
fn config() -> ReaderConfig {
    ReaderConfig {
        timeout: Duration::from_secs(30),
        prefetch_bytes: 1 << 20,
        ..ReaderConfig::default()
    }
}

/// Surroundings over these executors, and what is logged there.
fn around(
    runtime: &Runtime,
    executors: Vec<FeedAddress>,
) -> (Surroundings, Arc<Mutex<Vec<String>>>) {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&lines);
    let around = Surroundings {
        directory: Arc::new(Directory::new(executors, None)),
        runtime: runtime.handle().clone(),
        cancel: CancellationToken::new(),
        log: Arc::new(move |line| log.lock().unwrap().push(line)),
    };
    (around, lines)
}

fn baskets(n: usize) -> Vec<Vec<u32>> {
    let mut rng = KeyedRng::new(1);
    let basket = |_| (0..rng.below(7)).map(|_| 2 + rng.below(20)).collect();
    (0..n).map(basket).collect()
}

fn pairs() -> TestFeed {
    let transform = Transform::Pairs {
        window: PairWindow::Items(3),
        first_item: 2,
        keep: vec![],
        negatives: None,
    };
    TestFeed::new(baskets(150), transform, true)
}

/// Reads from `from` to the end of three epochs and compares every batch with the contract's.
fn read(
    around: &Surroundings,
    config: &ReaderConfig,
    feed: &TestFeed,
    from: (u64, u64),
) -> Result<(), FeedError> {
    let mut reader = Feed::open(around, config, &feed.spec, Wanted::epochs(from, 3))?;
    for epoch in from.0..3 {
        for step in (if epoch == from.0 { from.1 } else { 0 })..feed.spec.steps() {
            let (got, _) = reader.next_blocking()?.unwrap();
            assert_eq!((got.epoch, got.step), (epoch, step));
            assert_eq!(got.batch, feed.batch(epoch, step));
            assert_eq!((got.spent.scan_us, got.spent.transform_us), (30, 10));
        }
    }
    assert!(reader.next_blocking()?.is_none());
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
        let (around, lines) = around(&runtime, vec![bad.address, good.address]);
        read(&around, &config(), &feed, (0, 0)).unwrap();
        read(&around, &config(), &feed, (1, 17)).unwrap();
        assert!(!bad.asked.lock().unwrap().is_empty(), "{fault:?}");
        let log = lines.lock().unwrap().join("\n");
        assert!(log.contains("executor bad"), "{log}");
    }
}

#[test]
fn two_bad_executors_are_as_good_as_one_that_works_on() {
    let runtime = runtime();
    let feed = pairs();
    let start =
        |id: &str| TestExecutor::start(&runtime, id, vec![feed.clone()], Fault::Fail(1)).address;
    let (around, _lines) = around(&runtime, vec![start("a"), start("b")]);
    read(&around, &config(), &feed, (2, 20)).unwrap();
}

#[test]
fn a_silent_executor_is_left() {
    let runtime = runtime();
    let feed = pairs();
    let silent = TestExecutor::start(&runtime, "silent", vec![feed.clone()], Fault::Hang(2));
    let good = TestExecutor::start(&runtime, "good", vec![feed.clone()], Fault::None);
    let config = ReaderConfig {
        stall: Duration::from_millis(100),
        ..config()
    };
    let (around, _lines) = around(&runtime, vec![silent.address, good.address]);
    read(&around, &config, &feed, (2, 0)).unwrap();
}

#[test]
fn a_budget_smaller_than_a_batch_is_no_deadlock() {
    let runtime = runtime();
    let feed = pairs();
    let good = TestExecutor::start(&runtime, "good", vec![feed.clone()], Fault::None);
    let config = ReaderConfig {
        prefetch_bytes: 1,
        prefetch_windows: 5,
        prefetch_steps: 1,
        ..config()
    };
    let (around, _lines) = around(&runtime, vec![good.address]);
    read(&around, &config, &feed, (0, 0)).unwrap();
}

#[test]
fn windows_fetched_ahead_leave_the_one_that_is_read_its_room_on_the_wire() {
    let runtime = runtime();
    // A dozen windows of fourteen steps of 1 MB, each more than its stream may hold.
    let basket: Vec<u32> = (0..1 << 18).collect();
    let mut feed = TestFeed::new(vec![basket; 160], Transform::Select, true);
    feed.spec.batch_rows = 1;
    let good = TestExecutor::start(&runtime, "good", vec![feed.clone()], Fault::None);
    let config = ReaderConfig {
        prefetch_windows: 12,
        stall: Duration::from_secs(10),
        timeout: Duration::from_secs(10),
        ..config()
    };
    let (around, _lines) = around(&runtime, vec![good.address]);
    let mut reader = Feed::open(&around, &config, &feed.spec, Wanted::epochs((0, 0), 1)).unwrap();
    let mut rows = 0;
    while let Some((step, _)) = reader.next_blocking().unwrap() {
        rows += step.batch.num_rows();
    }
    assert_eq!(rows, 160);
}

#[test]
fn every_executor_known_has_windows_in_flight() {
    let runtime = runtime();
    let feed = pairs();
    let start = |id: &str| TestExecutor::start(&runtime, id, vec![feed.clone()], Fault::Hang(1));
    let (a, b) = (start("a"), start("b"));
    let config = ReaderConfig {
        prefetch_windows: 2,
        stall: Duration::from_secs(600),
        ..config()
    };
    let (around, _lines) = around(&runtime, vec![a.address.clone(), b.address.clone()]);
    let mut reader = Feed::open(&around, &config, &feed.spec, Wanted::epochs((0, 0), 1)).unwrap();
    reader.next_blocking().unwrap();
    let asked = |executor: &TestExecutor| executor.asked.lock().unwrap().len();
    runtime.block_on(async {
        while asked(&a) + asked(&b) < 4 {
            tokio::task::yield_now().await;
        }
    });
    assert_eq!((asked(&a), asked(&b)), (2, 2));
}

#[test]
fn nobody_there_is_an_error_worth_a_retry() {
    let runtime = runtime();
    let nobody = FeedAddress {
        executor_id: "gone".into(),
        url: "http://127.0.0.1:1".into(),
    };
    let config = ReaderConfig {
        timeout: Duration::from_millis(250),
        ..config()
    };
    let (around, _lines) = around(&runtime, vec![nobody]);
    let error = read(&around, &config, &pairs(), (1, 5)).unwrap_err();
    assert!(
        matches!(
            error,
            FeedError::Away {
                epoch: 1,
                step: 5,
                ..
            }
        ),
        "{error}"
    );
    assert!(error.to_string().contains("executor gone"), "{error}");
}

#[test]
fn refused_by_all_is_an_error_not_worth_one() {
    let runtime = runtime();
    let start = |id: &str| TestExecutor::start(&runtime, id, vec![], Fault::Refuse).address;
    let (around, _lines) = around(&runtime, vec![start("a"), start("b")]);
    let error = read(&around, &config(), &pairs(), (0, 0)).unwrap_err();
    assert!(matches!(error, FeedError::Wrong(_)), "{error}");
}

#[test]
fn executors_that_come_later_are_found() {
    let runtime = runtime();
    let feed = pairs();
    let late = TestExecutor::start(&runtime, "late", vec![feed.clone()], Fault::None);
    let scheduler = TestScheduler::start(&runtime, vec![late.address]);
    let (mut around, _lines) = around(&runtime, vec![]);
    let endpoint = tonic::transport::Endpoint::from_shared(scheduler.url).unwrap();
    let channel = runtime.block_on(endpoint.connect()).unwrap();
    around.directory = Arc::new(Directory::new(vec![], Some(channel)));
    read(&around, &config(), &feed, (2, 0)).unwrap();
}

#[test]
fn cancel_ends_a_wait() {
    let runtime = runtime();
    let feed = pairs();
    let silent = TestExecutor::start(&runtime, "silent", vec![feed.clone()], Fault::Hang(0));
    let config = ReaderConfig {
        stall: Duration::from_secs(600),
        ..config()
    };
    let (around, _lines) = around(&runtime, vec![silent.address]);
    let cancel = around.cancel.clone();
    let asked = Arc::clone(&silent.asked);
    runtime.spawn(async move {
        while asked.lock().unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
        cancel.cancel();
    });
    assert_eq!(
        read(&around, &config, &feed, (0, 0)),
        Err(FeedError::Stopped)
    );
}

#[test]
fn whoever_makes_the_transform_the_batches_are_the_same() {
    let runtime = runtime();
    let feed = pairs();
    let good = TestExecutor::start(&runtime, "good", vec![feed.clone()], Fault::None);
    let (around, _lines) = around(&runtime, vec![good.address]);
    for gathered in [true, false] {
        let config = ReaderConfig {
            gathered,
            ..config()
        };
        read(&around, &config, &feed, (0, 3)).unwrap();
        let asked = good.asked.lock().unwrap();
        assert_eq!(asked[asked.len() - 1].gathered, gathered);
    }
}

#[test]
fn replicas_read_slices_of_the_same_steps() {
    let runtime = runtime();
    let feed = pairs();
    let good = TestExecutor::start(&runtime, "good", vec![feed.clone()], Fault::None);
    let (around, _lines) = around(&runtime, vec![good.address]);
    for replicas in [2, 3, 8] {
        let wanted = |replica| Wanted {
            replica,
            replicas,
            from: (1, 2),
            to: (1, 9),
        };
        let open = |r| Feed::open(&around, &config(), &feed.spec, wanted(r)).unwrap();
        let mut readers: Vec<Feed> = (0..replicas).map(open).collect();
        for step in 2..9 {
            let slices: Vec<_> = readers
                .iter_mut()
                .map(|r| r.next_blocking().unwrap().unwrap().0.batch)
                .collect();
            let whole = arrow::compute::concat_batches(&slices[0].schema(), &slices).unwrap();
            assert_eq!(whole, feed.batch(1, step));
        }
        assert!(
            readers
                .iter_mut()
                .all(|r| r.next_blocking().unwrap().is_none())
        );
    }
}
