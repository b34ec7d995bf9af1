//! The steps of one ticket, made ahead of the wire and in their order.
//!
//! What a slow trainer costs is bounded: the bytes of a stream that wait for it (a step more than
//! `feed_stream_bytes`). The window that is open and the turn are let go when the trainer takes
//! nothing for a while. Steps are made on the feed's own threads, so that tasks of the engine never wait.

use std::future::Future;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use arrow::ipc::writer::{DictionaryTracker, IpcDataGenerator, IpcWriteContext, IpcWriteOptions};
use arrow_flight::{FlightData, SchemaAsIpc};
use futures::{Stream, StreamExt, stream};
use pannier_proto::feed::{EpochOrder, FeedTicket, replica_slice};
use pannier_proto::wire::StepHeader;
use prost::Message;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

use crate::config::ExecutorConfig;
use crate::error::FeedError;
use crate::feed::definition::Definition;
use crate::feed::metrics::Served;
use crate::feed::rows::{Rows, Window};
use crate::feed::turns::Turn;

/// Unit of the budget of bytes.
const PERMIT_BYTES: usize = 1024;
/// A trainer that takes nothing for so long is slow: its stream lets go of the window.
const SLOW: Duration = Duration::from_secs(1);

/// What a stream may hold.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes that wait for the trainer, in units of [`PERMIT_BYTES`].
    permits: u32,
    /// Steps being made or waiting.
    steps: usize,
}

impl Limits {
    /// As the config says.
    pub fn of(config: &ExecutorConfig) -> Self {
        let permits = (config.feed_stream_bytes.0 as usize).div_ceil(PERMIT_BYTES);
        Self {
            permits: u32::try_from(permits).unwrap_or(u32::MAX).clamp(1, 1 << 28),
            steps: config.feed_threads.max(1) * 4,
        }
    }
}

/// One ticket being served.
pub struct Serving {
    /// What it speaks of.
    pub feed: Arc<Definition>,
    /// Its last step is known.
    pub ticket: FeedTicket,
    /// Where rows come from.
    pub rows: Arc<Rows>,
    /// Where steps are made.
    pub pool: Arc<rayon::ThreadPool>,
    /// What the stream may hold.
    pub limits: Limits,
    /// Microseconds that it waited for its turn.
    pub queue_us: u64,
    /// Where steps are counted.
    pub served: Arc<Served>,
}

/// A step's messages, and its share of the stream's bytes.
type Made = (Vec<FlightData>, OwnedSemaphorePermit);
/// A step that is being made.
type Making = oneshot::Receiver<Result<Made, FeedError>>;

/// A window, and the microseconds that it took to have it.
type Loaded = Result<(Arc<Window>, u64), FeedError>;

/// A window in use, with the one behind it on its way.
#[derive(Default)]
struct Open {
    window: Option<(usize, Arc<Window>)>,
    ahead: Option<(usize, JoinHandle<Loaded>)>,
}

impl Drop for Open {
    fn drop(&mut self) {
        if let Some((_, task)) = &self.ahead {
            task.abort();
        }
    }
}

impl Serving {
    /// Begins to make steps. The turn ends when the last of them is made, or nobody listens.
    pub fn start(self, mut turn: Turn) -> impl Stream<Item = Result<FlightData, Status>> + Send {
        let (steps, making) = mpsc::channel::<Making>(self.limits.steps);
        tokio::spawn(async move {
            if let Err(error) = self.make(&steps, &mut turn).await {
                tracing::warn!(%error, feed = %self.ticket.digest, "a step could not be served");
                let (failed, told) = oneshot::channel();
                let _ = failed.send(Err(error));
                let _ = steps.send(told).await;
            }
            drop(turn);
        });
        ReceiverStream::new(making).flat_map(|making| {
            stream::once(making).flat_map(|made| match made {
                Ok(Ok((messages, permit))) => {
                    // The step's bytes are given back with its last message.
                    let last = messages.len();
                    let mut permit = Some(permit);
                    let sent = messages.into_iter().enumerate().map(move |(at, message)| {
                        if at + 1 == last {
                            permit.take();
                        }
                        Ok(message)
                    });
                    stream::iter(sent).boxed()
                }
                Ok(Err(error)) => stream::iter(vec![Err(Status::from(error))]).boxed(),
                Err(_) => {
                    stream::iter(vec![Err(Status::unavailable("a step's thread died"))]).boxed()
                }
            })
        })
    }

    async fn make(&self, steps: &mpsc::Sender<Making>, turn: &mut Turn) -> Result<(), FeedError> {
        let order = self.feed.order(self.ticket.epoch);
        let budget = Arc::new(Semaphore::new(self.limits.permits as usize));
        // How large the next step will be: as large as the last one made.
        let guess = Arc::new(AtomicU32::new(1));
        let mut open = Open::default();
        for step in self.ticket.from_step..self.last_step() {
            let wanted = guess.load(Relaxed).min(self.limits.permits);
            let room = Arc::clone(&budget).acquire_many_owned(wanted);
            let permit = unless_slow(room, turn, &mut open).await;
            let permit = permit.map_err(|_| FeedError::Decode("the stream is closed".into()))?;
            let Ok(place) = unless_slow(steps.reserve(), turn, &mut open).await else {
                return Ok(());
            };
            turn.take().await?;
            let (pieces, scan_us) = self.pieces(&order, step, &mut open).await?;
            let (made, making) = oneshot::channel();
            place.send(making);
            let step = Step {
                feed: Arc::clone(&self.feed),
                order: Arc::clone(&order),
                gathered: self.ticket.gathered,
                first: step == self.ticket.from_step,
                pieces,
                served: Arc::clone(&self.served),
                header: StepHeader {
                    epoch: self.ticket.epoch,
                    step,
                    scan_us,
                    transform_us: 0,
                    queue_us: if step == self.ticket.from_step {
                        self.queue_us
                    } else {
                        0
                    },
                },
            };
            let guess = Arc::clone(&guess);
            self.pool.spawn(move || {
                let messages = step.make();
                if let Ok(messages) = &messages {
                    let bytes: usize = messages.iter().map(|m| m.data_body.len()).sum();
                    let permits = bytes.div_ceil(PERMIT_BYTES).clamp(1, 1 << 28);
                    guess.store(permits as u32, Relaxed);
                }
                // The stream may be gone: then nobody wants the step.
                let _ = made.send(messages.map(|m| (m, permit)));
            });
        }
        Ok(())
    }

    fn last_step(&self) -> u64 {
        self.ticket.to_step.unwrap_or_default()
    }

    /// The windows of a step's rows and the places in them, and the microseconds waited for windows.
    async fn pieces(
        &self,
        order: &Arc<EpochOrder>,
        step: u64,
        open: &mut Open,
    ) -> Result<(Vec<Piece>, u64), FeedError> {
        let rows = replica_slice(
            order.step_rows(step),
            self.ticket.replica,
            self.ticket.replicas,
        );
        let mut pieces = Vec::with_capacity(1);
        let mut scan_us = 0;
        for span in order.spans(rows) {
            let (window, micros) = self.window(order, span.window, open).await?;
            scan_us += micros;
            pieces.push((window, span.range));
        }
        Ok((pieces, scan_us))
    }

    async fn window(
        &self,
        order: &Arc<EpochOrder>,
        index: usize,
        open: &mut Open,
    ) -> Result<(Arc<Window>, u64), FeedError> {
        if let Some((_, window)) = open.window.as_ref().filter(|(at, _)| *at == index) {
            return Ok((Arc::clone(window), 0));
        }
        let asked = Instant::now();
        let window = match open.ahead.take() {
            Some((at, task)) if at == index => {
                task.await
                    .map_err(|_| FeedError::Decode("a window's task died".into()))??
                    .0
            }
            _ => self.load(order, index).await?.0,
        };
        open.window = Some((index, Arc::clone(&window)));
        if index < order.window_of_step(self.last_step().saturating_sub(1)) {
            let (feed, rows, order) = (
                Arc::clone(&self.feed),
                Arc::clone(&self.rows),
                Arc::clone(order),
            );
            let epoch = self.ticket.epoch;
            let next = async move { rows.window(&feed, &order, epoch, index + 1).await };
            open.ahead = Some((index + 1, tokio::spawn(next)));
        }
        Ok((window, asked.elapsed().as_micros() as u64))
    }

    async fn load(
        &self,
        order: &Arc<EpochOrder>,
        index: usize,
    ) -> Result<(Arc<Window>, u64), FeedError> {
        let epoch = self.ticket.epoch;
        self.rows.window(&self.feed, order, epoch, index).await
    }
}

/// Rows of one window: the window and places of its order.
pub type Piece = (Arc<Window>, Range<u64>);

/// A step to be made, with all that it is made of.
struct Step {
    feed: Arc<Definition>,
    order: Arc<EpochOrder>,
    gathered: bool,
    /// The stream's first carries the schema before it.
    first: bool,
    pieces: Vec<Piece>,
    served: Arc<Served>,
    header: StepHeader,
}

impl Step {
    fn make(mut self) -> Result<Vec<FlightData>, FeedError> {
        let began = Instant::now();
        let rows = rows(&self.feed, &self.order, &self.pieces)?;
        let batch = if self.gathered {
            rows
        } else {
            self.feed.make(&rows)?
        };
        self.header.transform_us = began.elapsed().as_micros() as u64;
        let messages = encode(&batch, &self.header, self.first)?;
        let bytes = messages.iter().map(|m| m.data_body.len()).sum();
        self.served.count(&self.header, batch.num_rows(), bytes);
        Ok(messages)
    }
}

/// Waits for room; a trainer that lets it wait for long is slow, and costs its stream window and turn.
async fn unless_slow<T>(room: impl Future<Output = T>, turn: &mut Turn, open: &mut Open) -> T {
    tokio::pin!(room);
    match timeout(SLOW, &mut room).await {
        Ok(room) => room,
        Err(_) => {
            turn.give_back();
            *open = Open::default();
            room.await
        }
    }
}

/// The rows of a step, gathered.
///
/// # Errors
/// Where a column cannot be gathered.
pub fn rows(
    feed: &Definition,
    order: &EpochOrder,
    pieces: &[Piece],
) -> Result<RecordBatch, FeedError> {
    let rows = pieces
        .iter()
        .map(|(window, range)| window.gather(feed, order, range.clone()))
        .collect::<Result<Vec<_>, _>>()?;
    match &rows[..] {
        // A replica may get no row of a step.
        [] => Ok(feed.empty.clone()),
        [one] => Ok(one.clone()),
        _ => concat_batches(&feed.empty.schema(), &rows)
            .map_err(|e| FeedError::Decode(e.to_string())),
    }
}

/// Flight messages of a batch.
fn encode(
    batch: &RecordBatch,
    header: &StepHeader,
    first: bool,
) -> Result<Vec<FlightData>, FeedError> {
    let options = IpcWriteOptions::default();
    let mut out = Vec::with_capacity(2);
    if first {
        out.push(FlightData::from(SchemaAsIpc::new(
            &batch.schema(),
            &options,
        )));
    }
    let mut tracker = DictionaryTracker::new(false);
    let (dictionaries, encoded) = IpcDataGenerator::default()
        .encode(
            batch,
            &mut tracker,
            &options,
            &mut IpcWriteContext::default(),
        )
        .map_err(|e| FeedError::Decode(e.to_string()))?;
    out.extend(dictionaries.into_iter().map(FlightData::from));
    out.push(FlightData::from(encoded).with_app_metadata(header.encode_to_vec()));
    Ok(out)
}
