//! One chunk of steps, whoever serves it: goes on at the next missing step with the next executor
//! when one fails. A retry is asking again (DESIGN §5.2).

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::RecordBatch;
use arrow_flight::Ticket;
use arrow_flight::decode::{DecodedFlightData, DecodedPayload, FlightDataDecoder};
use arrow_flight::error::FlightError;
use futures::{StreamExt, TryStreamExt};
use pannier_proto::feed::FeedTicket;
use pannier_proto::wire::StepHeader;
use pannier_proto::work::FeedAddress;
use prost::Message;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::timeout;
use tonic::Code;

use super::Source;
use super::plan::{Chunk, turns};
use crate::error::FeedError;

/// Unit of the budget of bytes.
const PERMIT_BYTES: usize = 1024;
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// A step as it came from an executor.
#[derive(Debug)]
pub struct FeedStep {
    /// Epoch, from 0.
    pub epoch: u64,
    /// Step of the epoch, from 0.
    pub step: u64,
    /// Its rows after the transform.
    pub batch: RecordBatch,
    /// What the executor says it spent.
    pub spent: Spent,
    /// How long the reader made its transform.
    pub making: Duration,
    /// Bytes of it that came over the wire.
    pub wire_bytes: u64,
    /// Its share of the budget of bytes, returned when the step is dropped.
    _budget: OwnedSemaphorePermit,
}

/// What a step cost the executor, in microseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Spent {
    /// Reading and decoding.
    pub scan_us: u64,
    /// Making the transform.
    pub transform_us: u64,
    /// Until the request had its turn.
    pub queue_us: u64,
}

/// Why an executor did not serve to the end.
enum Failure {
    /// Nobody wants the steps any more.
    Unwanted,
    /// Another executor may do better.
    Failed(String),
    /// The executor says that the request itself is wrong.
    Refused(String),
}

/// Fetches a chunk step by step into `steps`, in order.
pub(crate) struct Fetch {
    pub source: Arc<Source>,
    pub chunk: Chunk,
    pub steps: mpsc::Sender<Result<FeedStep, FeedError>>,
    /// Budget of this chunk in units of [`PERMIT_BYTES`].
    pub budget: Arc<Semaphore>,
    pub budget_permits: u32,
}

/// Permits of a budget of bytes.
pub(crate) fn permits(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(PERMIT_BYTES))
        .unwrap_or(u32::MAX)
        .clamp(1, u32::MAX >> 3)
}

impl Fetch {
    /// Runs until every step is delivered, nobody wants them, or an error was delivered.
    pub(crate) async fn run(mut self) {
        if let Err(error) = self.all().await {
            let _ = self.steps.send(Err(error)).await;
        }
    }

    async fn all(&mut self) -> Result<(), FeedError> {
        let mut progress = Instant::now();
        let mut pause = FIRST_PAUSE;
        let mut tried: HashSet<String> = HashSet::new();
        let mut refused: Vec<String> = Vec::new();
        let mut reason = "no executor is known".to_owned();
        while !self.chunk.steps.is_empty() {
            let Some(executor) = self.next_executor(&tried) else {
                if !tried.is_empty() && refused.len() == tried.len() {
                    return Err(FeedError::Wrong(format!(
                        "every executor refuses it: {}",
                        refused.join("; ")
                    )));
                }
                if progress.elapsed() >= self.source.timeout {
                    let (epoch, step, seconds) = (
                        self.chunk.epoch,
                        self.chunk.steps.start,
                        progress.elapsed().as_secs(),
                    );
                    return Err(FeedError::Away {
                        epoch,
                        step,
                        seconds,
                        reason,
                    });
                }
                tried.clear();
                refused.clear();
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
                self.source.directory.refresh().await;
                continue;
            };
            let before = self.chunk.steps.start;
            let failure = match self.pull(&executor).await {
                Ok(()) => continue,
                Err(Failure::Unwanted) => return Ok(()),
                Err(failure) => failure,
            };
            if self.chunk.steps.start > before {
                (progress, pause) = (Instant::now(), FIRST_PAUSE);
                tried.clear();
                refused.clear();
            }
            let (Failure::Failed(text) | Failure::Refused(text)) = &failure else {
                continue;
            };
            reason = format!(
                "executor {} at {}: {text}",
                executor.executor_id, executor.url
            );
            let (epoch, step) = (self.chunk.epoch, self.chunk.steps.start);
            (self.source.log)(format!(
                "epoch {epoch} step {step}: {reason}; asking the next executor"
            ));
            if matches!(failure, Failure::Refused(_)) {
                refused.push(reason.clone());
            }
            tried.insert(executor.executor_id);
            self.source.directory.refresh().await;
        }
        Ok(())
    }

    fn next_executor(&self, tried: &HashSet<String>) -> Option<FeedAddress> {
        let order = turns(
            &self.source.digest,
            self.chunk.epoch,
            self.chunk.window,
            self.source.directory.executors(),
        );
        order.into_iter().find(|e| !tried.contains(&e.executor_id))
    }

    /// Asks one executor for the missing steps and delivers what comes.
    async fn pull(&mut self, executor: &FeedAddress) -> Result<(), Failure> {
        let mut client = self
            .source
            .directory
            .client(executor)
            .map_err(Failure::Failed)?;
        let ticket = FeedTicket {
            epoch: self.chunk.epoch,
            from_step: self.chunk.steps.start,
            to_step: Some(self.chunk.steps.end),
            replica: self.source.replica,
            replicas: self.source.replicas,
            gathered: self.source.gathered,
            ..FeedTicket::new(self.source.digest.clone())
        };
        let stall = self.source.stall;
        let silent = |_| Failure::Failed(format!("nothing came for {} s", stall.as_secs_f32()));
        let answer = timeout(stall, client.do_get(Ticket::new(ticket.encode())))
            .await
            .map_err(silent)?;
        let answer = answer.map_err(|s| failure(&s))?.into_inner();
        let mut messages = FlightDataDecoder::new(answer.map_err(FlightError::from));
        while !self.chunk.steps.is_empty() {
            let message = timeout(stall, messages.next()).await.map_err(silent)?;
            let message =
                message.ok_or_else(|| Failure::Failed("the stream ended early".into()))?;
            let message = message.map_err(|e| match e {
                FlightError::Tonic(status) => failure(&status),
                other => Failure::Failed(other.to_string()),
            })?;
            self.deliver(message).await?;
        }
        Ok(())
    }

    /// Checks that a message is the step expected and hands it on.
    async fn deliver(&mut self, message: DecodedFlightData) -> Result<(), Failure> {
        let DecodedPayload::RecordBatch(batch) = message.payload else {
            return Ok(());
        };
        let header = StepHeader::decode(message.inner.app_metadata)
            .map_err(|e| Failure::Failed(format!("a batch without a step header: {e}")))?;
        let expected = (self.chunk.epoch, self.chunk.steps.start);
        if (header.epoch, header.step) != expected {
            let (epoch, step) = expected;
            let text = format!(
                "sent epoch {} step {} where epoch {epoch} step {step} was due",
                header.epoch, header.step
            );
            return Err(Failure::Failed(text));
        }
        // A batch larger than the whole budget takes all of it.
        let bytes = message.inner.data_body.len();
        let wanted = permits(bytes).min(self.budget_permits);
        let budget = Arc::clone(&self.budget)
            .acquire_many_owned(wanted)
            .await
            .map_err(|_| Failure::Unwanted)?;
        let step = FeedStep {
            epoch: header.epoch,
            step: header.step,
            batch,
            spent: Spent {
                scan_us: header.scan_us,
                transform_us: header.transform_us,
                queue_us: header.queue_us,
            },
            making: Duration::ZERO,
            wire_bytes: bytes as u64,
            _budget: budget,
        };
        self.steps
            .send(Ok(step))
            .await
            .map_err(|_| Failure::Unwanted)?;
        self.chunk.steps.start += 1;
        Ok(())
    }
}

/// Codes that say that asking again, or another executor, would give the same.
fn failure(status: &tonic::Status) -> Failure {
    let text = format!("{}: {}", status.code(), status.message());
    match status.code() {
        Code::InvalidArgument | Code::FailedPrecondition | Code::Unimplemented | Code::DataLoss => {
            Failure::Refused(text)
        }
        Code::PermissionDenied | Code::Unauthenticated => Failure::Refused(text),
        _ => Failure::Failed(text),
    }
}
