//! SQL over the tables, and the tables themselves, for people.
//!
//! A query's stream is the query: it is planned and verified before the stream is there, an
//! executor writes its rows into the warehouse, their bytes go on to the client as they lie there,
//! piece by piece, and are removed. Who leaves the stream cancels the query.

use std::time::Duration;

use futures::StreamExt;
use futures::stream::BoxStream;
use pannier_engine::ops::write_result::ResultNote;
use pannier_proto::wire::sql_response::Kind;
use pannier_proto::wire::sql_service_server::SqlService;
use pannier_proto::wire::{
    ListTablesRequest, ListTablesResponse, ShowTableRequest, ShowTableResponse, SqlEnd,
    SqlProgress, SqlRequest, SqlResponse,
};
use tokio::sync::mpsc::{Receiver, Sender, WeakSender, channel};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

use crate::error::SchedulerError;
use crate::jobs::JobProgress;
use crate::sql::{self, Catalog, Query};
use crate::step::StepContext;

/// Bytes of a message.
const MESSAGE_BYTES: usize = 1 << 20;

type Message = Result<SqlResponse, Status>;

/// The service.
pub struct Sql {
    context: StepContext,
    limit: u64,
    patience: Duration,
    queries: Queries,
}

/// Where queries say that they are under way.
pub struct Queries {
    stop: CancellationToken,
    // Not strong: connections keep the service alive for longer than the scheduler.
    going: WeakSender<()>,
}

/// Ends the queries that are under way.
pub struct QueriesEnd {
    stop: CancellationToken,
    going: Sender<()>,
    none: Receiver<()>,
}

/// The two ends of the queries of one scheduler.
#[must_use]
pub fn queries() -> (Queries, QueriesEnd) {
    let (going, none) = channel(1);
    let stop = CancellationToken::new();
    let queries = Queries {
        stop: stop.clone(),
        going: going.downgrade(),
    };
    (queries, QueriesEnd { stop, going, none })
}

impl QueriesEnd {
    /// Cancels all queries, and waits until they have put their things away.
    pub async fn end(mut self) {
        self.stop.cancel();
        // Every query holds a sender and never sends: there is none left once they have ended.
        drop(self.going);
        let _ = self.none.recv().await;
    }
}

impl Sql {
    /// Serves this scheduler's tables: at most `limit` rows a query where it is not 0, and to
    /// clients that take some of their answer within `patience`.
    pub fn new(context: StepContext, limit: u64, patience: Duration, queries: Queries) -> Self {
        Self {
            context,
            limit,
            patience,
            queries,
        }
    }

    /// The smaller of the two limits that are set.
    fn limit(&self, asked: u64) -> Option<u64> {
        [asked, self.limit].into_iter().filter(|l| *l > 0).min()
    }

    fn catalog(&self) -> Catalog<'_> {
        Catalog::new(&self.context.store, self.context.jobs.warehouse())
    }
}

/// A query on its way to a client.
struct Answer {
    context: StepContext,
    query: Query,
    limit: Option<u64>,
    patience: Duration,
    cancel: CancellationToken,
    out: Sender<Message>,
}

impl Answer {
    /// Runs the query to its end, whatever the end is.
    async fn give(self) {
        let all = self.all();
        tokio::pin!(all);
        let ended = tokio::select! {
            ended = &mut all => ended,
            () = self.out.closed() => {
                self.cancel.cancel();
                all.await
            }
        };
        if let Err(error) = ended {
            // Who is gone hears nothing.
            let _ = self
                .out
                .send_timeout(Err(error.into()), self.patience)
                .await;
        }
    }

    async fn all(&self) -> Result<(), SchedulerError> {
        let jobs = &self.context.jobs;
        let result = jobs.open_result();
        let plan = self.query.plan.clone();
        let tell = |now: JobProgress| {
            let (done, total) = (now.done, now.total);
            // Where the client is slow, one more or less does not matter.
            let _ = self
                .out
                .try_send(message(Kind::Progress(SqlProgress { done, total })));
        };
        let (context, cancel) = (&self.query.context, &self.cancel);
        let written = jobs
            .write_result(&result, context, plan, self.limit, cancel, tell)
            .await;
        let sent = match written {
            Ok(note) => self.send(&note).await,
            Err(e) => Err(e),
        };
        jobs.discard(result, sent.is_err()).await?;
        sent
    }

    async fn send(&self, note: &ResultNote) -> Result<(), SchedulerError> {
        for piece in &note.pieces {
            let mut bytes = self.context.jobs.piece(piece).await?;
            while !bytes.is_empty() {
                let next = bytes.split_to(bytes.len().min(MESSAGE_BYTES));
                self.one(Kind::Arrow(next)).await?;
            }
        }
        let (rows, truncated) = (note.rows, note.truncated);
        self.one(Kind::End(SqlEnd { rows, truncated })).await
    }

    async fn one(&self, kind: Kind) -> Result<(), SchedulerError> {
        let gone = |why: &str| SchedulerError::Refused(format!("the query was given up: {why}"));
        tokio::select! {
            sent = self.out.send_timeout(message(kind), self.patience) => {
                sent.map_err(|_| gone("nobody takes its rows"))
            }
            () = self.cancel.cancelled() => Err(gone("it was cancelled")),
        }
    }
}

fn message(kind: Kind) -> Message {
    Ok(SqlResponse { kind: Some(kind) })
}

#[tonic::async_trait]
impl SqlService for Sql {
    type QueryStream = BoxStream<'static, Message>;

    async fn query(
        &self,
        request: Request<SqlRequest>,
    ) -> Result<Response<Self::QueryStream>, Status> {
        let request = request.into_inner();
        let limit = self.limit(request.limit);
        let (jobs, store) = (&self.context.jobs, &self.context.store);
        let query = sql::plan(store, jobs.warehouse(), &request.sql, limit).await?;
        let (out, messages) = channel(2);
        let answer = Answer {
            context: self.context.clone(),
            query,
            limit,
            patience: self.patience,
            cancel: self.queries.stop.child_token(),
            out,
        };
        let Some(going) = self.queries.going.upgrade() else {
            return Err(SchedulerError::Unavailable("the scheduler is closing".into()).into());
        };
        tokio::spawn(async move {
            answer.give().await;
            drop(going);
        });
        Ok(Response::new(ReceiverStream::new(messages).boxed()))
    }

    async fn list_tables(
        &self,
        _: Request<ListTablesRequest>,
    ) -> Result<Response<ListTablesResponse>, Status> {
        let tables = self.catalog().list().await?;
        let json = serde_json::to_string(&tables).map_err(SchedulerError::from)?;
        Ok(Response::new(ListTablesResponse { json }))
    }

    async fn show_table(
        &self,
        request: Request<ShowTableRequest>,
    ) -> Result<Response<ShowTableResponse>, Status> {
        let detail = self.catalog().show(&request.into_inner().table).await?;
        let json = serde_json::to_string(&detail).map_err(SchedulerError::from)?;
        Ok(Response::new(ShowTableResponse { json }))
    }
}
