//! The feed's reader: the steps of some epochs, strictly in order, fetched ahead.
//!
//! Several windows are read at the same time, each from the executor whose turn it is. Every window
//! has its share of the budget of bytes, and its own room on the wire, so that a later one can never
//! starve the one whose turn it is. `plan` decides who is asked for what, `fetch` asks, `directory` knows
//! addresses, `stall` says what was waited for.

mod directory;
mod fetch;
mod plan;
mod stall;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use pannier_proto::feed::{FeedSpec, Transform};
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::{AbortHandle, JoinSet};
use tokio_util::sync::CancellationToken;

pub use directory::{Directory, ON_THE_WIRE};
pub use fetch::{FeedStep, Spent};
pub use stall::book_wait;

use crate::error::FeedError;
use crate::transform::Maker;
use fetch::{Fetch, permits};
use plan::{Chunk, chunks};

/// What all fetches of a feed share.
struct Source {
    digest: String,
    replica: u32,
    replicas: u32,
    gathered: bool,
    directory: Arc<Directory>,
    stall: Duration,
    timeout: Duration,
    log: Log,
}

/// Takes what a person should know.
pub type Log = Arc<dyn Fn(String) + Send + Sync>;

/// How a feed is read. Bytes that wait for the reader are at most `prefetch_bytes`, and what is on
/// the wire, [`ON_THE_WIRE`] for each window; but for one step of each window that is larger.
#[derive(Debug, Clone)]
pub struct ReaderConfig {
    /// How long one executor may take for its next step before the next one is asked.
    pub stall: Duration,
    /// How long all executors together may fail to serve a step.
    pub timeout: Duration,
    /// Windows read at the same time from each executor that is known.
    pub prefetch_windows: usize,
    /// Steps of one window that may wait.
    pub prefetch_steps: usize,
    /// Bytes of all steps that may wait.
    pub prefetch_bytes: usize,
    /// The reader makes the transform, where it is not SQL: rows travel as they were gathered.
    pub gathered: bool,
}

impl Default for ReaderConfig {
    fn default() -> Self {
        Self {
            stall: Duration::from_secs(20),
            timeout: Duration::from_secs(120),
            prefetch_windows: 4,
            prefetch_steps: 64,
            prefetch_bytes: 64 << 20,
            gathered: true,
        }
    }
}

/// Which steps of a feed are wanted, and which slice of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// Epoch and step of the first.
    pub from: (u64, u64),
    /// Epoch and step behind the last; (n, 0) is the end of epoch n - 1.
    pub to: (u64, u64),
    /// Which slice, from 0.
    pub replica: u32,
    /// Of how many.
    pub replicas: u32,
}

impl Wanted {
    /// All rows of the steps from `from` to the end of epoch `epochs - 1`.
    #[must_use]
    pub fn epochs(from: (u64, u64), epochs: u64) -> Self {
        Self {
            from,
            to: (epochs, 0),
            replica: 0,
            replicas: 1,
        }
    }

    /// The steps wanted of an epoch.
    fn steps(&self, epoch: u64) -> std::ops::Range<u64> {
        let from = if epoch == self.from.0 { self.from.1 } else { 0 };
        let to = if epoch == self.to.0 {
            self.to.1
        } else {
            u64::MAX
        };
        from..to
    }
}

/// Where a feed is read from, and what tells the reader to stop.
#[derive(Clone)]
pub struct Surroundings {
    /// Knows the executors.
    pub directory: Arc<Directory>,
    /// Runs the fetches.
    pub runtime: Handle,
    /// Ends a wait.
    pub cancel: CancellationToken,
    /// Hears of executors that fail.
    pub log: Log,
}

/// The steps of a feed in order, for one reader.
pub struct Feed {
    steps: mpsc::Receiver<Result<FeedStep, FeedError>>,
    cancel: CancellationToken,
    /// (epoch, step) that must come next, and the first that is not wanted.
    next: (u64, u64),
    end: (u64, u64),
    steps_per_epoch: u64,
    maker: Option<Maker>,
    driver: AbortHandle,
}

impl Feed {
    /// Begins to fetch.
    ///
    /// # Errors
    /// [`FeedError::Wrong`] where the transform cannot be made.
    pub fn open(
        around: &Surroundings,
        config: &ReaderConfig,
        spec: &FeedSpec,
        wanted: Wanted,
    ) -> Result<Self, FeedError> {
        let made_here = !matches!(spec.transform, Transform::Sql { .. } | Transform::Select);
        let gathered = config.gathered && made_here;
        let maker = gathered.then(|| Maker::new(&spec.transform)).transpose()?;
        let source = Arc::new(Source {
            digest: spec.digest(),
            replica: wanted.replica,
            replicas: wanted.replicas,
            gathered,
            directory: Arc::clone(&around.directory),
            stall: config.stall,
            timeout: config.timeout,
            log: Arc::clone(&around.log),
        });
        let (sender, steps) = mpsc::channel(1);
        let of_epoch = {
            let spec = spec.clone();
            move |epoch| chunks(&spec, epoch, wanted.steps(epoch))
        };
        let last_epoch = wanted.to.0 + u64::from(wanted.to.1 > 0);
        let plan = (wanted.from.0..last_epoch).flat_map(of_epoch);
        let driver = drive(source, plan, sender, Limits::of(config));
        let stop = around.cancel.clone();
        let driver = async move {
            tokio::select! { () = stop.cancelled() => {}, () = driver => {} }
        };
        Ok(Self {
            steps,
            cancel: around.cancel.clone(),
            next: wanted.from,
            end: wanted.to,
            steps_per_epoch: spec.steps(),
            maker,
            driver: around.runtime.spawn(driver).abort_handle(),
        })
    }

    /// The next step and how long it was waited for; `None` after the last. Blocks.
    ///
    /// # Errors
    /// What ended the feed.
    pub fn next_blocking(&mut self) -> Result<Option<(FeedStep, Duration)>, FeedError> {
        if self.is_over() {
            return Ok(None);
        }
        let asked = Instant::now();
        let came = self.steps.blocking_recv();
        self.take(came, asked.elapsed()).map(Some)
    }

    /// As [`Self::next_blocking`], for a task.
    ///
    /// # Errors
    /// What ended the feed.
    pub async fn next_step(&mut self) -> Result<Option<FeedStep>, FeedError> {
        if self.is_over() {
            return Ok(None);
        }
        let came = self.steps.recv().await;
        let taken = self.take(came, Duration::ZERO)?;
        Ok(Some(taken.0))
    }

    fn is_over(&self) -> bool {
        self.steps_per_epoch == 0 || self.next >= self.end
    }

    fn take(
        &mut self,
        came: Option<Result<FeedStep, FeedError>>,
        wait: Duration,
    ) -> Result<(FeedStep, Duration), FeedError> {
        let mut step = match came {
            Some(step) => step?,
            None if self.cancel.is_cancelled() => return Err(FeedError::Stopped),
            None => return Err(FeedError::Bug("it ended before its last step".into())),
        };
        if (step.epoch, step.step) != self.next {
            let (came, due) = ((step.epoch, step.step), self.next);
            return Err(FeedError::Bug(format!(
                "step {came:?} came where {due:?} was due"
            )));
        }
        self.next = after(self.next, self.steps_per_epoch);
        if let Some(maker) = &self.maker {
            let began = Instant::now();
            step.batch = maker.make(&step.batch)?;
            step.making = began.elapsed();
        }
        Ok((step, wait))
    }

    /// Ends the feed from another thread: a wait in [`Feed::next_blocking`] is over at once.
    #[must_use]
    pub fn stopper(&self) -> AbortHandle {
        self.driver.clone()
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

/// The position behind a step.
#[must_use]
pub fn after((epoch, step): (u64, u64), steps_per_epoch: u64) -> (u64, u64) {
    if step + 1 >= steps_per_epoch {
        (epoch + 1, 0)
    } else {
        (epoch, step + 1)
    }
}

/// How far ahead is read.
struct Limits {
    /// Windows of each executor that is known.
    windows: usize,
    steps: usize,
    /// Of the bytes that may wait.
    permits: u32,
}

impl Limits {
    fn of(config: &ReaderConfig) -> Self {
        Self {
            windows: config.prefetch_windows.max(1),
            steps: config.prefetch_steps.max(1),
            permits: permits(config.prefetch_bytes),
        }
    }
}

/// A window in flight.
struct Running {
    steps: mpsc::Receiver<Result<FeedStep, FeedError>>,
    /// Its share of the bytes that may wait.
    permits: u32,
}

/// Windows in flight, in the order of their steps; the first is the one being read.
struct Fetches {
    source: Arc<Source>,
    limits: Limits,
    // Dropping the set stops what it holds.
    tasks: JoinSet<()>,
    running: VecDeque<Running>,
}

impl Fetches {
    /// Begins fetches until every executor has work while another's window is read, `most` are in
    /// flight, or all bytes are shared out: more executors make shares smaller, but only those of
    /// windows to come.
    fn fill(&mut self, plan: &mut impl Iterator<Item = Chunk>, most: usize) {
        let wanted = self.limits.windows * self.source.directory.count().max(1);
        let share = (self.limits.permits / wanted as u32).max(1);
        let mut left = self.limits.permits - self.running.iter().map(|r| r.permits).sum::<u32>();
        while self.running.len() < wanted.min(most) && left >= share {
            let Some(chunk) = plan.next() else { break };
            let (steps, receiver) = mpsc::channel(self.limits.steps);
            let fetch = Fetch {
                source: Arc::clone(&self.source),
                chunk,
                steps,
                budget: Arc::new(Semaphore::new(share as usize)),
                budget_permits: share,
            };
            self.tasks.spawn(fetch.run());
            self.running.push_back(Running {
                steps: receiver,
                permits: share,
            });
            left -= share;
        }
        while self.tasks.try_join_next().is_some() {}
    }
}

/// Keeps some windows in flight and passes their steps on in order. Nothing is fetched ahead before
/// the first step is there: executors have their hands free for it.
async fn drive(
    source: Arc<Source>,
    mut plan: impl Iterator<Item = Chunk> + Send,
    out: mpsc::Sender<Result<FeedStep, FeedError>>,
    limits: Limits,
) {
    let mut fetches = Fetches {
        source,
        limits,
        tasks: JoinSet::new(),
        running: VecDeque::new(),
    };
    fetches.fill(&mut plan, 1);
    while let Some(head) = fetches.running.front_mut() {
        let step = head.steps.recv().await;
        if step.is_none() {
            fetches.running.pop_front();
        }
        fetches.fill(&mut plan, usize::MAX);
        if let Some(step) = step {
            let last = step.is_err();
            if out.send(step).await.is_err() || last {
                return;
            }
        }
    }
}
