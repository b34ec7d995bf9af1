//! Where executors serve feeds, and the connections to them.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use arrow_flight::flight_service_client::FlightServiceClient;
use pannier_proto::MAX_MESSAGE_BYTES;
use pannier_proto::wire::ListFeedsRequest;
use pannier_proto::wire::work_service_client::WorkServiceClient;
use pannier_proto::work::FeedAddress;
use tonic::transport::{Channel, Endpoint};

/// Bytes of one stream that may be on the wire, or wait unread.
pub const ON_THE_WIRE: u32 = 2 << 20;
/// HTTP/2's largest window. All streams to an executor share a connection: with less room than
/// theirs together, windows fetched ahead fill it, and the one that is read never gets another byte.
const CONNECTION: u32 = (1 << 31) - 1;
/// Bytes of an HTTP/2 frame at most.
const FRAME_BYTES: u32 = 1 << 20;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// The scheduler is not asked more often than this.
const BETWEEN_REFRESHES: Duration = Duration::from_millis(250);

/// The known executors.
#[derive(Debug)]
pub struct Directory {
    scheduler: Option<Channel>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    executors: Vec<FeedAddress>,
    refreshed: Option<Instant>,
    channels: HashMap<String, Channel>,
}

impl Directory {
    /// Begins with `executors`; learns of others from the scheduler, where there is one.
    #[must_use]
    pub fn new(executors: Vec<FeedAddress>, scheduler: Option<Channel>) -> Self {
        Self {
            scheduler,
            state: Mutex::new(State {
                executors,
                refreshed: None,
                channels: HashMap::new(),
            }),
        }
    }

    /// The executors known now.
    #[must_use]
    pub fn executors(&self) -> Vec<FeedAddress> {
        self.state().executors.clone()
    }

    /// How many they are.
    pub(crate) fn count(&self) -> usize {
        self.state().executors.len()
    }

    /// Asks the scheduler who is there. Keeps what is known if it says nothing.
    pub(crate) async fn refresh(&self) {
        let Some(scheduler) = self.scheduler.clone() else {
            return;
        };
        {
            let mut state = self.state();
            if state
                .refreshed
                .is_some_and(|at| at.elapsed() < BETWEEN_REFRESHES)
            {
                return;
            }
            state.refreshed = Some(Instant::now());
        }
        let mut client =
            WorkServiceClient::new(scheduler).max_decoding_message_size(MAX_MESSAGE_BYTES);
        let answer =
            tokio::time::timeout(CONNECT_TIMEOUT, client.list_feeds(ListFeedsRequest {})).await;
        if let Ok(Ok(answer)) = answer {
            let feeds = answer.into_inner().feeds.into_iter();
            let feeds: Vec<FeedAddress> = feeds.map(FeedAddress::from).collect();
            let mut state = self.state();
            // A scheduler that has just started has not heard of anybody yet.
            if !feeds.is_empty() {
                state.executors = feeds;
            }
            let State {
                executors,
                channels,
                ..
            } = &mut *state;
            channels.retain(|url, _| executors.iter().any(|e| e.url == *url));
        }
    }

    /// A client for an executor; connects when it is first used.
    ///
    /// # Errors
    /// A text, where the address is none.
    pub fn client(&self, executor: &FeedAddress) -> Result<FlightServiceClient<Channel>, String> {
        let mut state = self.state();
        let channel = match state.channels.get(&executor.url) {
            Some(channel) => channel.clone(),
            None => {
                let endpoint = Endpoint::from_shared(executor.url.clone())
                    .map_err(|e| format!("`{}` is no address: {e}", executor.url))?;
                let channel = endpoint
                    .connect_timeout(CONNECT_TIMEOUT)
                    .tcp_nodelay(true)
                    .initial_stream_window_size(ON_THE_WIRE)
                    .initial_connection_window_size(CONNECTION)
                    // A step is one message: in frames of 16 KiB it is dear to put together.
                    .max_frame_size(FRAME_BYTES)
                    .http2_keep_alive_interval(Duration::from_secs(10))
                    .keep_alive_timeout(Duration::from_secs(10))
                    .connect_lazy();
                state.channels.insert(executor.url.clone(), channel.clone());
                channel
            }
        };
        Ok(FlightServiceClient::new(channel)
            .max_decoding_message_size(MAX_MESSAGE_BYTES)
            .max_encoding_message_size(MAX_MESSAGE_BYTES))
    }

    /// No function panics while it holds the lock, so a poisoned one is as good as another.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
