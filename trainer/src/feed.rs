//! What a trainer reads feeds with. The reader itself is `pannier-feed`'s.

use std::sync::Arc;

use pannier_feed::FeedError;
use pannier_feed::reader::{Directory, Feed, ReaderConfig, Surroundings, Wanted};
use pannier_proto::feed::FeedSpec;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use crate::config::TrainerConfig;
use crate::error::TrainerError;
use crate::report::Reporter;

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
