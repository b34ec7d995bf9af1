//! Following a run across broken connections and restarts of the scheduler.
//!
//! Offsets have no gaps, so the next offset is all there is to remember: after a break the stream
//! is asked for again from there, and what had been seen is not seen twice.

use std::time::Duration;

use futures::StreamExt;
use futures::stream::BoxStream;
use pannier_proto::event::RunEvent;
use pannier_proto::status::RunPhase;
use pannier_proto::wire::EventMessage;
use tokio::time::{Instant, sleep};
use tonic::Streaming;

use crate::client::Client;
use crate::error::ClientError;

const PATIENCE: Duration = Duration::from_secs(60);
// An embedded scheduler goes away right after its run's end; that is no reason to wait long.
const PATIENCE_AFTER_END: Duration = Duration::from_secs(2);
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(3);

type OnLost = Box<dyn Fn(&ClientError) + Send + Sync>;

/// A run being followed. Made by [`Client::follow`].
pub struct Follow {
    client: Client,
    run_id: String,
    next_offset: u64,
    patience: Duration,
    on_lost: Option<OnLost>,
    stream: Option<Streaming<EventMessage>>,
    trouble: Option<Trouble>,
    // The last event seen was the end of the run (a retried run has several).
    at_end: bool,
    done: bool,
}

/// A time without a connection.
struct Trouble {
    since: Instant,
    pause: Duration,
}

impl Follow {
    pub(crate) fn new(client: Client, run_id: String, next_offset: u64) -> Self {
        Self {
            client,
            run_id,
            next_offset,
            patience: PATIENCE,
            on_lost: None,
            stream: None,
            trouble: None,
            at_end: false,
            done: false,
        }
    }

    /// How long to try for a connection before giving up; 60 s unless said.
    #[must_use]
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Calls `tell` each time the connection is lost, before trying again.
    #[must_use]
    pub fn on_lost(mut self, tell: impl Fn(&ClientError) + Send + Sync + 'static) -> Self {
        self.on_lost = Some(Box::new(tell));
        self
    }

    /// The first offset not yet seen: where to go on later.
    #[must_use]
    pub fn next_offset(&self) -> u64 {
        self.next_offset
    }

    /// The next event; `None` once the run has ended. May be dropped and called again.
    ///
    /// # Errors
    /// `NotFound` where there is no such run; `Lost` or `Unreachable` after the patience is used
    /// up. Nothing comes after an error.
    pub async fn next(&mut self) -> Option<Result<RunEvent, ClientError>> {
        while !self.done {
            let error = match self.step().await {
                Ok(Some(event)) => return Some(Ok(event)),
                Ok(None) => continue,
                Err(error) => error,
            };
            if let Err(error) = self.wait_after(error).await {
                self.done = true;
                let quiet_end = self.at_end && error.is_connection();
                return (!quiet_end).then_some(Err(error));
            }
        }
        None
    }

    /// The events as a stream, which ends after the run's end or after an error.
    #[must_use]
    pub fn into_stream(self) -> BoxStream<'static, Result<RunEvent, ClientError>> {
        let next = |mut follow: Self| async move { follow.next().await.map(|item| (item, follow)) };
        futures::stream::unfold(self, next).boxed()
    }

    /// One message, or what brings us nearer to one (`None`).
    async fn step(&mut self) -> Result<Option<RunEvent>, ClientError> {
        let Some(stream) = &mut self.stream else {
            self.stream = Some(
                self.client
                    .open_events(&self.run_id, self.next_offset, true)
                    .await?,
            );
            return Ok(None);
        };
        let Some(message) = stream
            .message()
            .await
            .map_err(|s| ClientError::from_status(self.client.url(), &s))?
        else {
            self.done = self.has_ended().await?;
            if self.done {
                return Ok(None);
            }
            return Err(self.broken("the stream of events stopped before the run ended"));
        };
        let event: RunEvent = self.client.decode(&message.json)?;
        if event.offset > self.next_offset {
            return Err(self.broken("the stream of events left some out"));
        }
        if event.offset < self.next_offset {
            return Ok(None);
        }
        self.next_offset += 1;
        self.at_end = event.kind.is_end();
        self.trouble = None;
        Ok(Some(event))
    }

    /// A stream that stopped orderly says the run is over, unless the scheduler is going down.
    async fn has_ended(&self) -> Result<bool, ClientError> {
        let status = self.client.get(&self.run_id).await?;
        let going_on = matches!(status.phase, RunPhase::Running | RunPhase::Cancelling);
        Ok(!going_on && (self.at_end || status.events <= self.next_offset))
    }

    fn broken(&self, reason: &str) -> ClientError {
        ClientError::Lost {
            url: self.client.url().to_owned(),
            reason: reason.to_owned(),
        }
    }

    /// Pauses before the next try, or gives the error back when there should be none.
    async fn wait_after(&mut self, error: ClientError) -> Result<(), ClientError> {
        self.stream = None;
        if !error.is_connection() {
            return Err(error);
        }
        if self.trouble.is_none()
            && let Some(tell) = &self.on_lost
            && !self.at_end
        {
            tell(&error);
        }
        let patience = if self.at_end {
            PATIENCE_AFTER_END.min(self.patience)
        } else {
            self.patience
        };
        let trouble = self.trouble.get_or_insert_with(|| Trouble {
            since: Instant::now(),
            pause: FIRST_PAUSE,
        });
        if trouble.since.elapsed() + trouble.pause > patience {
            return Err(error);
        }
        let pause = trouble.pause;
        trouble.pause = (pause * 2).min(LONGEST_PAUSE);
        sleep(pause).await;
        Ok(())
    }
}
