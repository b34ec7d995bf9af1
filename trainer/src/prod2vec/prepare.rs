//! From the feed's steps to checked pairs, on a thread of its own beside the one that trains.

use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::thread::{Scope, ScopedJoinHandle};
use std::time::{Duration, Instant};

use pannier_feed::digest::{Digest, of_step};
use pannier_feed::reader::{Feed, Spent, book_wait};
use pannier_proto::feed::NoiseTable;
use pannier_proto::work::StallLedger;
use tokio::task::AbortHandle;

use crate::error::TrainerError;
use crate::prod2vec::pairs::Pairs;

/// Steps that may lie ready for the model.
const READY: usize = 3;

/// A step ready to be trained on.
pub(crate) struct ReadyStep {
    pub epoch: u64,
    pub step: u64,
    pub pairs: Pairs,
    /// Digest of the batch as it came.
    pub digest: Digest,
    decode: Duration,
    spent: Spent,
    pub wire_bytes: u64,
}

/// How pairs are made; the same for every step.
pub(crate) struct Preparation {
    pub noise: NoiseTable,
    pub negatives: usize,
    pub rows: usize,
    pub seed: u64,
}

/// The reader's end.
pub(crate) struct Ready<'scope> {
    steps: Receiver<Result<ReadyStep, TrainerError>>,
    spent: SyncSender<Vec<u32>>,
    thread: Option<ScopedJoinHandle<'scope, ()>>,
    feed: AbortHandle,
}

impl<'scope> Ready<'scope> {
    /// Begins to prepare the feed's steps.
    ///
    /// # Errors
    /// [`TrainerError::Storage`] where no thread can be started.
    pub(crate) fn start<'env>(
        scope: &'scope Scope<'scope, 'env>,
        mut feed: Feed,
        preparation: &'env Preparation,
    ) -> Result<Self, TrainerError> {
        let stopper = feed.stopper();
        let (sender, steps) = sync_channel(READY);
        let (spent, buffers) = sync_channel::<Vec<u32>>(READY + 2);
        let work = move || {
            loop {
                let buffer = match buffers.try_recv() {
                    Ok(buffer) => buffer,
                    Err(TryRecvError::Empty) => Vec::new(),
                    Err(TryRecvError::Disconnected) => return,
                };
                let Some(step) = prepare(&mut feed, preparation, buffer).transpose() else {
                    return;
                };
                let last = step.is_err();
                if sender.send(step).is_err() || last {
                    return;
                }
            }
        };
        let thread = std::thread::Builder::new()
            .name("prepare".into())
            .spawn_scoped(scope, work);
        let thread = thread.map_err(crate::storage::failed(
            "start",
            "the thread that prepares pairs",
        ))?;
        Ok(Self {
            steps,
            spent,
            thread: Some(thread),
            feed: stopper,
        })
    }

    /// The next step, `None` after the last; books what it was waited for.
    ///
    /// # Errors
    /// Those of the feed and of [`Pairs::of_step`].
    pub(crate) fn next(
        &mut self,
        stall: &mut StallLedger,
    ) -> Result<Option<ReadyStep>, TrainerError> {
        let asked = Instant::now();
        let Ok(step) = self.steps.recv() else {
            let clean = self
                .thread
                .take()
                .is_none_or(|thread| thread.join().is_ok());
            return if clean {
                Ok(None)
            } else {
                Err(TrainerError::bug("the thread that prepares pairs panicked"))
            };
        };
        let step = step?;
        let wait = asked.elapsed();
        let decode = wait.min(step.decode);
        stall.decode += decode.as_secs_f64();
        book_wait(stall, wait - decode, step.spent);
        Ok(Some(step))
    }

    /// Takes the memory of a step back.
    pub(crate) fn recycle(&self, step: ReadyStep) {
        let _ = self.spent.try_send(step.pairs.into_buffer());
    }
}

/// A reader that goes away early does not leave the thread waiting for executors.
impl Drop for Ready<'_> {
    fn drop(&mut self) {
        self.feed.abort();
    }
}

fn prepare(
    feed: &mut Feed,
    how: &Preparation,
    buffer: Vec<u32>,
) -> Result<Option<ReadyStep>, TrainerError> {
    let Some((step, _)) = feed.next_blocking()? else {
        return Ok(None);
    };
    let began = Instant::now();
    let (epoch, number) = (step.epoch, step.step);
    let digest = of_step(epoch, number, &step.batch)?;
    let pairs = Pairs::of_step(
        &step.batch,
        &how.noise,
        how.negatives,
        how.rows,
        how.seed,
        epoch,
        number,
        buffer,
    )?;
    Ok(Some(ReadyStep {
        epoch,
        step: number,
        pairs,
        digest,
        decode: began.elapsed() + step.making,
        spent: step.spent,
        wire_bytes: step.wire_bytes,
    }))
}
