//! What a trainer reads feeds with. The reader itself is `pannier-feed`'s.

use std::sync::Arc;
use std::time::Instant;

use arrow::array::RecordBatch;
use pannier_feed::FeedError;
use pannier_feed::digest::{Ledger, of_step};
use pannier_feed::reader::{Directory, Feed, ReaderConfig, Surroundings, Wanted, book_wait};
use pannier_proto::feed::FeedSpec;
use pannier_proto::work::StallLedger;
use rayon::ThreadPool;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use crate::config::TrainerConfig;
use crate::error::TrainerError;
use crate::report::{Pace, Reporter};

/// What a feed needs to be read.
#[derive(Clone)]
pub(crate) struct FeedContext {
    pub directory: Arc<Directory>,
    pub config: Arc<TrainerConfig>,
    pub runtime: Handle,
    pub cancel: CancellationToken,
    pub reporter: Reporter,
}

impl FeedContext {
    /// Begins to read the steps from `from` = (epoch, step) to the end of epoch `epochs - 1`.
    /// `gathered`: the transform is made here, not by executors.
    ///
    /// # Errors
    /// [`TrainerError::Data`] where the feed's transform cannot be made.
    pub(crate) fn open(
        &self,
        spec: &FeedSpec,
        from: (u64, u64),
        epochs: u64,
        gathered: bool,
    ) -> Result<Feed, TrainerError> {
        let reporter = self.reporter.clone();
        let around = Surroundings {
            directory: Arc::clone(&self.directory),
            runtime: self.runtime.clone(),
            cancel: self.cancel.clone(),
            log: Arc::new(move |text| reporter.log(text)),
        };
        let config = ReaderConfig {
            stall: self.config.feed_stall.0,
            timeout: self.config.feed_timeout.0,
            prefetch_windows: self.config.prefetch_windows,
            prefetch_steps: self.config.prefetch_steps,
            prefetch_bytes: usize::try_from(self.config.prefetch_bytes.0).unwrap_or(usize::MAX),
            gathered,
        };
        let wanted = Wanted::epochs(from, epochs);
        Ok(Feed::open(&around, &config, spec, wanted)?)
    }
}

/// What was read of a feed, besides its rows.
#[derive(Default)]
pub(crate) struct Reading {
    /// Digests of the batches.
    pub ledger: Ledger,
    pub stall: StallLedger,
    /// Bytes that came over the wire.
    pub wire_bytes: u64,
}

impl FeedContext {
    /// Reads a whole feed, batch after batch in its order, and tells how far it is.
    ///
    /// # Errors
    /// Those of the feed, and those of `take`.
    pub(crate) fn read_all(
        &self,
        spec: &FeedSpec,
        mut take: impl FnMut(&RecordBatch) -> Result<(), TrainerError>,
    ) -> Result<Reading, TrainerError> {
        let mut reading = Reading::default();
        let mut feed = self.open(spec, (0, 0), 1, false)?;
        let mut pace = Pace::new();
        while let Some((step, wait)) = feed.next_blocking()? {
            book_wait(&mut reading.stall, wait, step.spent);
            let began = Instant::now();
            let digest = of_step(step.epoch, step.step, &step.batch)?;
            reading.ledger.add(&digest);
            take(&step.batch)?;
            reading.wire_bytes += step.wire_bytes;
            reading.stall.decode += began.elapsed().as_secs_f64();
            let (done, rows) = (step.step + 1, step.batch.num_rows() as u64);
            let share = Some(reading.stall.stall_share());
            if let Some(progress) = pace.tick(done, spec.steps(), rows, share) {
                self.reporter.send(progress);
            }
        }
        Ok(reading)
    }

    /// [`TrainerError::Stopped`] where the attempt was told to stop.
    ///
    /// # Errors
    /// That.
    pub(crate) fn go_on(&self) -> Result<(), TrainerError> {
        if self.cancel.is_cancelled() {
            return Err(TrainerError::Stopped);
        }
        Ok(())
    }

    /// As many threads as the configuration says, named after what they do.
    ///
    /// # Errors
    /// [`TrainerError::Bug`] where they cannot be started.
    pub(crate) fn pool(&self, name: &'static str) -> Result<ThreadPool, TrainerError> {
        rayon::ThreadPoolBuilder::new()
            .num_threads(self.config.resolved_threads())
            .thread_name(move |i| format!("{name}-{i}"))
            .build()
            .map_err(TrainerError::bug)
    }
}

impl From<FeedError> for TrainerError {
    fn from(error: FeedError) -> Self {
        match error {
            FeedError::Away {
                epoch,
                step,
                seconds,
                reason,
            } => Self::FeedAway {
                epoch,
                step,
                seconds,
                reason,
            },
            FeedError::Wrong(reason) => Self::data("feed", reason),
            FeedError::Stopped => Self::Stopped,
            FeedError::Bug(reason) => Self::bug(reason),
        }
    }
}
