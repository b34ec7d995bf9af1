//! Turns: how many streams make steps at a time, and how many may be open.
//!
//! A stream whose trainer takes nothing gives its turn back: the window that a trainer waits for must
//! not wait behind those that it has fetched ahead.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::error::FeedError;

/// Streams that may be open for each one that makes steps.
const OPEN: usize = 16;

/// The turns of one executor.
#[derive(Debug, Clone)]
pub struct Turns {
    streams: usize,
    making: Arc<Semaphore>,
    open: Arc<Semaphore>,
}

impl Turns {
    /// So many streams make steps at a time.
    pub fn new(streams: usize) -> Self {
        let streams = streams.max(1);
        Self {
            streams,
            making: Arc::new(Semaphore::new(streams)),
            open: Arc::new(Semaphore::new(streams * OPEN)),
        }
    }

    /// Streams that are open, and those of them that make steps.
    pub fn taken(&self) -> (usize, usize) {
        let open = self.streams * OPEN - self.open.available_permits();
        (open, self.streams - self.making.available_permits())
    }

    /// The first turn of a stream, and the microseconds that it was waited for.
    ///
    /// # Errors
    /// [`FeedError::Busy`] where none comes within `patience`.
    pub async fn first(&self, patience: Duration) -> Result<(Turn, u64), FeedError> {
        let busy = || FeedError::Busy {
            streams: self.streams,
        };
        let asked = Instant::now();
        let open = Arc::clone(&self.open).try_acquire_owned();
        let mut turn = Turn {
            making: Arc::clone(&self.making),
            held: None,
            _open: open.map_err(|_| busy())?,
        };
        timeout(patience, turn.take()).await.map_err(|_| busy())??;
        Ok((turn, asked.elapsed().as_micros() as u64))
    }
}

/// A stream's right to make steps, which it holds or has given back.
#[derive(Debug)]
pub struct Turn {
    making: Arc<Semaphore>,
    held: Option<OwnedSemaphorePermit>,
    _open: OwnedSemaphorePermit,
}

impl Turn {
    /// Waits for the turn, where it is not held.
    ///
    /// # Errors
    /// Where the feed is closing.
    pub async fn take(&mut self) -> Result<(), FeedError> {
        if self.held.is_none() {
            let permit = Arc::clone(&self.making).acquire_owned().await;
            self.held = Some(permit.map_err(|_| FeedError::Decode("the feed is closing".into()))?);
        }
        Ok(())
    }

    /// Lets another stream make steps.
    pub fn give_back(&mut self) {
        self.held = None;
    }
}
