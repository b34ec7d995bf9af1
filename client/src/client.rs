//! One method for each call of the scheduler. Encodes, calls, decodes; decides nothing.

mod predict;

use futures::StreamExt;
use futures::stream::BoxStream;
use pannier_proto::MAX_MESSAGE_BYTES;
use pannier_proto::event::RunEvent;
use pannier_proto::profile::Profile;
use pannier_proto::status::{
    FeedDetail, FeedInfo, ModelInfo, PlanStep, RunStatus, TableDetail, TableInfo,
};
use pannier_proto::wire::feed_service_client::FeedServiceClient;
use pannier_proto::wire::profile_service_client::ProfileServiceClient;
use pannier_proto::wire::registry_service_client::RegistryServiceClient;
use pannier_proto::wire::run_service_client::RunServiceClient;
use pannier_proto::wire::sql_service_client::SqlServiceClient;
use pannier_proto::wire::{
    AudienceRequest, EventMessage, EventsRequest, GcRequest, InfoRequest, LedgerRequest,
    LedgerResponse, ListFeedSpecsRequest, ListModelsRequest, ListRunsRequest, ListTablesRequest,
    ProfileRequest, RecommendRequest, RunRequest, RunStatusMessage, ShowFeedRequest,
    ShowTableRequest, SimilarRequest, SpecRequest, SqlRequest, SubmitRequest,
};
use serde::de::DeserializeOwned;
use tonic::transport::Channel;
use tonic::{Response, Status, Streaming};

use crate::answer::{Audience, Garbage, Info, Recommended, Similar, Submitted, Validation};
use crate::ask::{AudienceAsked, RecommendAsked};
use crate::connect;
use crate::error::ClientError;
use crate::follow::Follow;
use crate::sql::Rows;

/// A connection to a scheduler. Cheap to clone; connects again by itself.
#[derive(Debug, Clone)]
pub struct Client {
    url: String,
    channel: Channel,
    feeds: FeedServiceClient<Channel>,
    runs: RunServiceClient<Channel>,
    registry: RegistryServiceClient<Channel>,
    profiles: ProfileServiceClient<Channel>,
    sql: SqlServiceClient<Channel>,
}

impl Client {
    /// Connects to a scheduler, for example `http://10.0.0.7:50050` (`http://` may be left out).
    ///
    /// # Errors
    /// `BadUrl` for what is no address, `Unreachable` where nobody answers within 5 s.
    pub async fn connect(url: &str) -> Result<Self, ClientError> {
        let url = connect::normalised(url);
        let channel = connect::open(&url).await?;
        let limit = MAX_MESSAGE_BYTES;
        Ok(Self {
            url,
            runs: RunServiceClient::new(channel.clone())
                .max_decoding_message_size(limit)
                .max_encoding_message_size(limit),
            registry: RegistryServiceClient::new(channel.clone()).max_decoding_message_size(limit),
            profiles: ProfileServiceClient::new(channel.clone()).max_decoding_message_size(limit),
            feeds: FeedServiceClient::new(channel.clone()).max_decoding_message_size(limit),
            sql: SqlServiceClient::new(channel.clone())
                .max_decoding_message_size(limit)
                .max_encoding_message_size(limit),
            channel,
        })
    }

    /// The scheduler's address.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The connection itself, for those who ask the scheduler where executors serve feeds.
    #[must_use]
    pub fn channel(&self) -> Channel {
        self.channel.clone()
    }

    /// The feeds that are written down, newest first.
    ///
    /// # Errors
    /// Connection errors.
    pub async fn feeds(&self) -> Result<Vec<FeedInfo>, ClientError> {
        let answer = self.feeds.clone().list(ListFeedSpecsRequest {}).await;
        self.decode(&self.answer(answer)?.json)
    }

    /// All about a feed: by the first characters of its digest, or as `run` or `run/name`.
    ///
    /// # Errors
    /// `NotFound` where there is no such feed, `Refused` where there are several.
    pub async fn feed(&self, feed: &str) -> Result<FeedDetail, ClientError> {
        let request = ShowFeedRequest { feed: feed.into() };
        let answer = self.feeds.clone().show(request).await;
        self.decode(&self.answer(answer)?.json)
    }

    /// The digests of all batches that a training read: of a run, or `run/training`.
    ///
    /// # Errors
    /// `NotFound` where there is no such training, `Refused` where there are several.
    pub async fn ledger(&self, training: &str) -> Result<LedgerResponse, ClientError> {
        let request = LedgerRequest {
            training: training.into(),
        };
        self.answer(self.feeds.clone().ledger(request).await)
    }

    /// Starts a run. `file` names the spec in error texts, `toml` is its text. The same `key` twice
    /// is one run; an empty key is made up by the scheduler.
    ///
    /// # Errors
    /// `Invalid` with every problem of the spec; connection errors, after which the call may be
    /// made again with the same key.
    pub async fn submit(
        &self,
        file: &str,
        toml: &str,
        key: &str,
    ) -> Result<Submitted, ClientError> {
        let request = SubmitRequest {
            spec: Some(spec(file, toml)),
            key: key.to_owned(),
        };
        self.answer(self.runs.clone().submit(request).await)
            .map(Into::into)
    }

    /// The state of a run.
    ///
    /// # Errors
    /// `NotFound` where there is no such run.
    pub async fn get(&self, run_id: &str) -> Result<RunStatus, ClientError> {
        self.status(self.runs.clone().get(run(run_id)).await)
    }

    /// The newest runs, newest first, at most `limit`.
    ///
    /// # Errors
    /// Connection errors.
    pub async fn list(&self, limit: u32) -> Result<Vec<RunStatus>, ClientError> {
        let answer = self.answer(self.runs.clone().list(ListRunsRequest { limit }).await)?;
        answer.runs.iter().map(|r| self.decode(&r.json)).collect()
    }

    /// Asks a run to stop.
    ///
    /// # Errors
    /// `NotFound` where there is no such run, `Refused` where it has ended.
    pub async fn cancel(&self, run_id: &str) -> Result<RunStatus, ClientError> {
        self.status(self.runs.clone().cancel(run(run_id)).await)
    }

    /// Goes on with a failed or cancelled run; what is done stays done.
    ///
    /// # Errors
    /// `NotFound` where there is no such run, `Refused` where it is going on or ended well.
    pub async fn retry(&self, run_id: &str) -> Result<RunStatus, ClientError> {
        self.status(self.runs.clone().retry(run(run_id)).await)
    }

    /// The events recorded so far, from an offset on, in one go and without connecting again.
    ///
    /// # Errors
    /// `NotFound` where there is no such run; items are errors where the stream breaks.
    pub async fn events(
        &self,
        run_id: &str,
        from_offset: u64,
    ) -> Result<BoxStream<'static, Result<RunEvent, ClientError>>, ClientError> {
        let stream = self.open_events(run_id, from_offset, false).await?;
        let client = self.clone();
        let events = stream.map(move |message| match message {
            Ok(message) => client.decode(&message.json),
            Err(status) => Err(ClientError::from_status(&client.url, &status)),
        });
        Ok(events.boxed())
    }

    /// Follows a run from an offset until it has ended, across restarts of the scheduler.
    #[must_use]
    pub fn follow(&self, run_id: &str, from_offset: u64) -> Follow {
        Follow::new(self.clone(), run_id.to_owned(), from_offset)
    }

    /// Checks a spec against its data without running it.
    ///
    /// # Errors
    /// Connection errors. Problems of the spec are in the answer.
    pub async fn validate(&self, file: &str, toml: &str) -> Result<Validation, ClientError> {
        self.answer(self.runs.clone().validate(spec(file, toml)).await)
            .map(Into::into)
    }

    /// What a spec would run, and what is there already.
    ///
    /// # Errors
    /// `Invalid` with every problem of the spec.
    pub async fn plan(&self, file: &str, toml: &str) -> Result<Vec<PlanStep>, ClientError> {
        let answer = self.answer(self.runs.clone().plan(spec(file, toml)).await)?;
        self.decode(&answer.json)
    }

    /// Removes what no manifest and no unfinished run refers to, or only says what that is.
    ///
    /// # Errors
    /// Connection errors; `Failed` where the warehouse fails.
    pub async fn gc(&self, dry_run: bool) -> Result<Garbage, ClientError> {
        self.answer(self.runs.clone().gc(GcRequest { dry_run }).await)
            .map(Into::into)
    }

    /// Who the scheduler is and who works for it.
    ///
    /// # Errors
    /// Connection errors.
    pub async fn info(&self) -> Result<Info, ClientError> {
        self.answer(self.runs.clone().info(InfoRequest {}).await)
            .map(Into::into)
    }

    /// Published models, every version.
    ///
    /// # Errors
    /// Connection errors.
    pub async fn models(&self) -> Result<Vec<ModelInfo>, ClientError> {
        let answer = self.answer(
            self.registry
                .clone()
                .list_models(ListModelsRequest {})
                .await,
        )?;
        self.decode(&answer.json)
    }

    /// What a model recommends to a user.
    ///
    /// # Errors
    /// `NotFound` where there is no such model or item, or the model knows no users; `Invalid` for a
    /// context that the model does not know.
    pub async fn recommend(&self, asked: RecommendAsked) -> Result<Recommended, ClientError> {
        let request: RecommendRequest = asked.into();
        self.answer(self.registry.clone().recommend(request).await)
            .map(Into::into)
    }

    /// The users whom an offer fits best.
    ///
    /// # Errors
    /// `NotFound` where there is no such model or category, or the model knows no offers; `Invalid` for a
    /// context that the model does not know.
    pub async fn audience(&self, asked: AudienceAsked) -> Result<Audience, ClientError> {
        let request: AudienceRequest = asked.into();
        self.answer(self.registry.clone().audience(request).await)
            .map(Into::into)
    }

    /// The `top` items nearest to `item` (an id or a name) in `model` (`name`, `name@3` or
    /// `name@champion`).
    ///
    /// # Errors
    /// `NotFound` where there is no such model or item.
    pub async fn similar(&self, model: &str, item: &str, top: u32) -> Result<Similar, ClientError> {
        let request = SimilarRequest {
            model: model.to_owned(),
            item: item.to_owned(),
            top,
        };
        self.answer(self.registry.clone().similar(request).await)
            .map(Into::into)
    }

    /// What tables hold: of a table (`transactions`, `transactions@<version>`) or, where `table` is
    /// empty, of a source; of a run, or where `run_id` is empty of the newest. With `html` the
    /// second value is the same as a page.
    ///
    /// # Errors
    /// `NotFound` where there is no such run or table.
    pub async fn profile(
        &self,
        table: &str,
        run_id: &str,
        html: bool,
    ) -> Result<(Profile, String), ClientError> {
        let request = ProfileRequest {
            table: table.to_owned(),
            run_id: run_id.to_owned(),
            html,
        };
        let answer = self.answer(self.profiles.clone().profile(request).await)?;
        Ok((self.decode(&answer.json)?, answer.html))
    }

    /// Runs a query over the committed tables and waits for its first rows; at most `limit` rows
    /// come, 0 standing for the scheduler's own limit. Dropping the future or the rows cancels the
    /// query. `progress` hears how many partitions are done of those known so far.
    ///
    /// # Errors
    /// `Invalid` where the SQL is wrong, names a table that is not there, or would do more than
    /// read.
    pub async fn sql(
        &self,
        query: &str,
        limit: u64,
        progress: impl FnMut(u64, u64),
    ) -> Result<Rows, ClientError> {
        let request = SqlRequest {
            sql: query.to_owned(),
            limit,
        };
        let stream = self.answer(self.sql.clone().query(request).await)?;
        Rows::open(self.url.clone(), stream, progress).await
    }

    /// Committed tables, every version.
    ///
    /// # Errors
    /// Connection errors.
    pub async fn tables(&self) -> Result<Vec<TableInfo>, ClientError> {
        let answer = self.sql.clone().list_tables(ListTablesRequest {}).await;
        self.decode(&self.answer(answer)?.json)
    }

    /// All about a table: `baskets`, or `baskets@` and the first characters of a version.
    ///
    /// # Errors
    /// `NotFound` where there is no such table, `Invalid` where several versions fit.
    pub async fn table(&self, name: &str) -> Result<TableDetail, ClientError> {
        let request = ShowTableRequest {
            table: name.to_owned(),
        };
        let answer = self.sql.clone().show_table(request).await;
        self.decode(&self.answer(answer)?.json)
    }

    pub(crate) async fn open_events(
        &self,
        run_id: &str,
        from_offset: u64,
        follow: bool,
    ) -> Result<Streaming<EventMessage>, ClientError> {
        let request = EventsRequest {
            run_id: run_id.to_owned(),
            from_offset,
            follow,
        };
        self.answer(self.runs.clone().events(request).await)
    }

    /// Reads one of the JSON values that travel inside messages.
    pub(crate) fn decode<T: DeserializeOwned>(&self, json: &str) -> Result<T, ClientError> {
        serde_json::from_str(json).map_err(|e| ClientError::Protocol {
            url: self.url.clone(),
            reason: format!("an answer does not parse, {e}"),
        })
    }

    fn answer<T>(&self, result: Result<Response<T>, Status>) -> Result<T, ClientError> {
        result
            .map(Response::into_inner)
            .map_err(|status| ClientError::from_status(&self.url, &status))
    }

    fn status(
        &self,
        result: Result<Response<RunStatusMessage>, Status>,
    ) -> Result<RunStatus, ClientError> {
        let answer = self.answer(result)?;
        self.decode(&answer.json)
    }
}

fn run(run_id: &str) -> RunRequest {
    RunRequest {
        run_id: run_id.to_owned(),
    }
}

fn spec(file: &str, toml: &str) -> SpecRequest {
    SpecRequest {
        file: file.to_owned(),
        toml: toml.to_owned(),
    }
}
