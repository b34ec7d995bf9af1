//! The feed's client: the steps of some epochs, strictly in order, fetched ahead.
//!
//! Several windows are read at the same time, each from the executor that rendezvous hashing names
//! for it; every window has its share of the budget of bytes, so that a later one can never starve
//! the one whose turn it is. `plan` decides who is asked for what, `chunk` fetches, `directory`
//! knows addresses, `ledger` proves what was read.

mod chunk;
mod directory;
pub(crate) mod ledger;
mod plan;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use pannier_proto::feed::FeedSpec;
use pannier_proto::work::StallLedger;
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::{AbortHandle, JoinSet};
use tokio_util::sync::CancellationToken;

pub use chunk::FeedStep;
pub(crate) use directory::Directory;

use crate::config::TrainerConfig;
use crate::error::TrainerError;
use crate::feed::chunk::{Fetch, permits};
use crate::feed::plan::{Chunk, chunks};

/// What all fetches of a feed share.
pub(crate) struct Source {
    digest: String,
    directory: Arc<Directory>,
    stall: Duration,
    timeout: Duration,
    log: Box<dyn Fn(String) + Send + Sync>,
}

/// What a feed needs to be read.
#[derive(Clone)]
pub(crate) struct FeedContext {
    pub directory: Arc<Directory>,
    pub config: Arc<TrainerConfig>,
    pub runtime: Handle,
    pub cancel: CancellationToken,
    pub reporter: crate::report::Reporter,
}

/// The steps of a feed in order, for one blocking reader.
#[derive(Debug)]
pub(crate) struct Feed {
    steps: mpsc::Receiver<Result<FeedStep, TrainerError>>,
    cancel: CancellationToken,
    /// (epoch, step) that must come next, and the end.
    next: (u64, u64),
    steps_per_epoch: u64,
    epochs: u64,
    driver: AbortHandle,
}

impl Feed {
    /// Begins to fetch the steps from `from` = (epoch, step) to the end of epoch `epochs - 1`.
    pub(crate) fn open(
        context: &FeedContext,
        spec: &FeedSpec,
        from: (u64, u64),
        epochs: u64,
    ) -> Self {
        let config = &context.config;
        let reporter = context.reporter.clone();
        let source = Arc::new(Source {
            digest: spec.digest(),
            directory: Arc::clone(&context.directory),
            stall: config.feed_stall.0,
            timeout: config.feed_timeout.0,
            log: Box::new(move |text| reporter.log(text)),
        });
        let (sender, steps) = mpsc::channel(1);
        let of_epoch = {
            let spec = spec.clone();
            move |epoch| chunks(&spec, epoch, if epoch == from.0 { from.1 } else { 0 })
        };
        let plan = (from.0..epochs).flat_map(of_epoch);
        let driver = drive(source, plan, sender, Limits::of(config));
        let cancel = context.cancel.clone();
        let stop = cancel.clone();
        let driver = async move {
            tokio::select! { () = stop.cancelled() => {}, () = driver => {} }
        };
        let driver = context.runtime.spawn(driver).abort_handle();
        Self {
            steps,
            cancel,
            next: from,
            steps_per_epoch: spec.steps(),
            epochs,
            driver,
        }
    }

    /// The next step and how long it was waited for; `None` after the last. Blocks.
    ///
    /// # Errors
    /// What ended the feed: [`TrainerError::FeedAway`], [`TrainerError::Stopped`], bad data.
    pub(crate) fn next(&mut self) -> Result<Option<(FeedStep, Duration)>, TrainerError> {
        if self.steps_per_epoch == 0 || self.next.0 >= self.epochs {
            return Ok(None);
        }
        let asked = Instant::now();
        match self.steps.blocking_recv() {
            Some(Ok(step)) if (step.epoch, step.step) == self.next => {
                self.next = after(self.next, self.steps_per_epoch);
                Ok(Some((step, asked.elapsed())))
            }
            Some(Ok(step)) => Err(TrainerError::bug(format!(
                "step {:?} came where {:?} was due",
                (step.epoch, step.step),
                self.next
            ))),
            Some(Err(error)) => Err(error),
            None if self.cancel.is_cancelled() => Err(TrainerError::Stopped),
            None => Err(TrainerError::bug("the feed ended before its last step")),
        }
    }

    /// Ends the feed from another thread: a wait in [`Feed::next`] is over at once.
    pub(crate) fn stopper(&self) -> AbortHandle {
        self.driver.clone()
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

/// The position behind a step.
pub(crate) fn after((epoch, step): (u64, u64), steps_per_epoch: u64) -> (u64, u64) {
    if step + 1 >= steps_per_epoch {
        (epoch + 1, 0)
    } else {
        (epoch, step + 1)
    }
}

/// How far ahead is read.
struct Limits {
    windows: usize,
    steps: usize,
    bytes_per_window: u32,
}

impl Limits {
    fn of(config: &TrainerConfig) -> Self {
        let windows = config.prefetch_windows.max(1);
        let bytes = usize::try_from(config.prefetch_bytes.0).unwrap_or(usize::MAX);
        Self {
            windows,
            steps: config.prefetch_steps.max(1),
            bytes_per_window: permits(bytes / windows),
        }
    }
}

/// Keeps some chunks in flight and passes their steps on in order.
async fn drive(
    source: Arc<Source>,
    mut plan: impl Iterator<Item = Chunk> + Send,
    out: mpsc::Sender<Result<FeedStep, TrainerError>>,
    limits: Limits,
) {
    // Dropping the set stops what it holds.
    let mut fetches = JoinSet::new();
    let mut running = VecDeque::new();
    loop {
        while running.len() < limits.windows {
            let Some(chunk) = plan.next() else { break };
            let (steps, receiver) = mpsc::channel(limits.steps);
            let budget = Arc::new(Semaphore::new(limits.bytes_per_window as usize));
            let source = Arc::clone(&source);
            fetches.spawn(
                Fetch {
                    source,
                    chunk,
                    steps,
                    budget,
                    budget_permits: limits.bytes_per_window,
                }
                .run(),
            );
            running.push_back(receiver);
        }
        let Some(mut head) = running.pop_front() else {
            return;
        };
        while let Some(step) = head.recv().await {
            let last = step.is_err();
            if out.send(step).await.is_err() || last {
                return;
            }
        }
        while fetches.try_join_next().is_some() {}
    }
}

/// Books a wait: what the executor says it spent on the step, as far as the wait covers it, and the
/// rest as the network's. Where the wait was shorter than the executor's time, the executor had
/// been ahead: the wait is divided as its time was.
pub(crate) fn book_wait(stall: &mut StallLedger, wait: Duration, scan_us: u64, transform_us: u64) {
    let (wait, scan, transform) = (
        wait.as_secs_f64(),
        scan_us as f64 * 1e-6,
        transform_us as f64 * 1e-6,
    );
    let whole = wait.max(scan + transform).max(f64::MIN_POSITIVE);
    stall.scan += wait * scan / whole;
    stall.transform += wait * transform / whole;
    stall.network += wait * (whole - scan - transform) / whole;
}
