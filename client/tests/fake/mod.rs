//! A scheduler for tests: real gRPC on a real port over runs held in memory, which can be killed
//! and started again on the same port. It decides nothing: tests append the events.

#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::ipc::writer::StreamWriter;
use futures::{Stream, StreamExt};
use pannier_proto::event::{RunEvent, RunEventKind};
use pannier_proto::manifest::{TableLineage, TableManifest};
use pannier_proto::status::{ModelInfo, PlanStep, RunPhase, RunStatus, TableDetail, TableInfo};
use pannier_proto::wire::registry_service_server::{RegistryService, RegistryServiceServer};
use pannier_proto::wire::run_service_server::{RunService, RunServiceServer};
use pannier_proto::wire::sql_response::Kind;
use pannier_proto::wire::sql_service_server::{SqlService, SqlServiceServer};
use pannier_proto::wire::*;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_stream::wrappers::{TcpListenerStream, WatchStream};
use tonic::{Request, Response, Status};

type Answer<T> = Result<Response<T>, Status>;
type Messages<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// What the scheduler knows; outlives its servers, like a database.
#[derive(Clone)]
pub struct Fake {
    runs: Arc<Mutex<BTreeMap<String, Vec<RunEvent>>>>,
    keys: Arc<Mutex<BTreeMap<String, String>>>,
    /// Events of every run that is submitted.
    pub script: Arc<Vec<RunEventKind>>,
    changed: Arc<watch::Sender<u64>>,
}

/// A server going on; dropping it leaves it alone.
pub struct Serving {
    /// Where it listens.
    pub addr: SocketAddr,
    task: JoinHandle<()>,
    connections: Arc<watch::Sender<bool>>,
}

impl Serving {
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Cuts every connection, as a SIGKILL does.
    pub async fn kill(self) {
        self.task.abort();
        let _ = self.connections.send(true);
        let _ = self.task.await;
    }
}

impl Fake {
    pub fn new(script: Vec<RunEventKind>) -> Self {
        let (changed, _) = watch::channel(0);
        Self {
            runs: Arc::default(),
            keys: Arc::default(),
            script: Arc::new(script),
            changed: Arc::new(changed),
        }
    }

    /// Appends events to a run, which begins with the first.
    pub fn append(&self, run_id: &str, kinds: impl IntoIterator<Item = RunEventKind>) {
        let mut runs = self.runs.lock().unwrap();
        let events = runs.entry(run_id.to_owned()).or_default();
        for kind in kinds {
            let offset = events.len() as u64;
            events.push(RunEvent {
                run_id: run_id.to_owned(),
                offset,
                at_ms: 1_700_000_000_000 + 1000 * offset as i64,
                kind,
            });
        }
        drop(runs);
        self.changed.send_modify(|n| *n += 1);
    }

    pub async fn serve(&self, addr: &str) -> Serving {
        self.serve_on(TcpListener::bind(addr).await.unwrap())
    }

    pub fn serve_on(&self, listener: TcpListener) -> Serving {
        let addr = listener.local_addr().unwrap();
        let cut = Arc::new(watch::channel(false).0);
        let gate = cut.clone();
        // Each connection ends when the gate opens, in the middle of whatever it was doing.
        let incoming = TcpListenerStream::new(listener).map(move |s| s.map(|s| Cut::new(s, &gate)));
        let server = tonic::transport::Server::builder()
            .add_service(RunServiceServer::new(self.clone()))
            .add_service(RegistryServiceServer::new(self.clone()))
            .add_service(SqlServiceServer::new(self.clone()));
        let task = tokio::spawn(async move { server.serve_with_incoming(incoming).await.unwrap() });
        Serving {
            addr,
            task,
            connections: cut,
        }
    }

    pub fn has(&self, run_id: &str) -> bool {
        self.runs.lock().unwrap().contains_key(run_id)
    }

    fn status(&self, run_id: &str) -> Result<RunStatus, Status> {
        let runs = self.runs.lock().unwrap();
        let events = runs.get(run_id).ok_or_else(|| {
            Status::not_found(format!("no run `{run_id}`; `pannier list` shows them"))
        })?;
        let name = match &events[0].kind {
            RunEventKind::Submitted { name, .. } => name.clone(),
            other => panic!("{other:?}"),
        };
        let phase = match &events[events.len() - 1].kind {
            RunEventKind::Succeeded => RunPhase::Succeeded,
            RunEventKind::Failed { .. } => RunPhase::Failed,
            RunEventKind::Cancelled => RunPhase::Cancelled,
            _ => RunPhase::Running,
        };
        Ok(RunStatus {
            run_id: run_id.to_owned(),
            name,
            phase,
            submitted_ms: events[0].at_ms,
            ended_ms: None,
            error: None,
            report: None,
            events: events.len() as u64,
            steps: vec![],
        })
    }
}

fn status_message(status: RunStatus) -> RunStatusMessage {
    RunStatusMessage {
        json: serde_json::to_string(&status).unwrap(),
    }
}

#[tonic::async_trait]
impl RunService for Fake {
    async fn submit(&self, request: Request<SubmitRequest>) -> Answer<SubmitResponse> {
        let request = request.into_inner();
        let spec = request.spec.unwrap();
        if spec.toml.contains("refuse") {
            return Err(Status::invalid_argument(format!(
                "error: unknown key `refuse`\n --> {}:1:1",
                spec.file
            )));
        }
        let known = self.keys.lock().unwrap().get(&request.key).cloned();
        if let Some(run_id) = known {
            return Ok(Response::new(SubmitResponse {
                run_id,
                created: false,
            }));
        }
        let run_id = format!("run-{}", self.runs.lock().unwrap().len() + 1);
        if !request.key.is_empty() {
            self.keys
                .lock()
                .unwrap()
                .insert(request.key, run_id.clone());
        }
        self.append(&run_id, self.script.iter().cloned());
        Ok(Response::new(SubmitResponse {
            run_id,
            created: true,
        }))
    }

    async fn get(&self, request: Request<RunRequest>) -> Answer<RunStatusMessage> {
        Ok(Response::new(status_message(
            self.status(&request.into_inner().run_id)?,
        )))
    }

    async fn list(&self, _: Request<ListRunsRequest>) -> Answer<ListRunsResponse> {
        let ids: Vec<String> = self.runs.lock().unwrap().keys().rev().cloned().collect();
        let runs = ids
            .iter()
            .map(|id| self.status(id).map(status_message))
            .collect::<Result<_, _>>()?;
        Ok(Response::new(ListRunsResponse { runs }))
    }

    type EventsStream = Messages<EventMessage>;

    async fn events(&self, request: Request<EventsRequest>) -> Answer<Self::EventsStream> {
        let EventsRequest {
            run_id,
            from_offset,
            follow,
        } = request.into_inner();
        self.status(&run_id)?;
        let fake = self.clone();
        let changes = WatchStream::new(self.changed.subscribe());
        let batches = futures::stream::unfold(
            (changes, from_offset, false),
            move |(mut changes, next, over)| {
                let (fake, run_id) = (fake.clone(), run_id.clone());
                async move {
                    if over {
                        return None;
                    }
                    changes.next().await;
                    let ended = fake.status(&run_id).unwrap().phase != RunPhase::Running;
                    let events: Vec<RunEvent> = fake.runs.lock().unwrap()[&run_id]
                        .iter()
                        .skip(next as usize)
                        .cloned()
                        .collect();
                    let next = next + events.len() as u64;
                    Some((events, (changes, next, ended || !follow)))
                }
            },
        );
        let messages = batches.flat_map(|events| {
            futures::stream::iter(events).map(|e| {
                Ok(EventMessage {
                    json: serde_json::to_string(&e).unwrap(),
                })
            })
        });
        Ok(Response::new(Box::pin(messages)))
    }

    async fn predict(&self, request: Request<PredictRequest>) -> Answer<SubmitResponse> {
        let request = request.into_inner();
        if request.model != "m" {
            return Err(Status::not_found(format!(
                "there is no model `{}`",
                request.model
            )));
        }
        Ok(Response::new(SubmitResponse {
            run_id: format!("predict-{}-{}", request.model, request.top),
            created: true,
        }))
    }

    async fn cancel(&self, request: Request<RunRequest>) -> Answer<RunStatusMessage> {
        let run_id = request.into_inner().run_id;
        if self.status(&run_id)?.phase != RunPhase::Running {
            return Err(Status::failed_precondition(format!(
                "run `{run_id}` has ended"
            )));
        }
        self.append(
            &run_id,
            [RunEventKind::CancelRequested, RunEventKind::Cancelled],
        );
        Ok(Response::new(status_message(self.status(&run_id)?)))
    }

    async fn retry(&self, request: Request<RunRequest>) -> Answer<RunStatusMessage> {
        let run_id = request.into_inner().run_id;
        self.status(&run_id)?;
        self.append(
            &run_id,
            [RunEventKind::RetryRequested, RunEventKind::Succeeded],
        );
        Ok(Response::new(status_message(self.status(&run_id)?)))
    }

    async fn validate(&self, request: Request<SpecRequest>) -> Answer<ValidateResponse> {
        let bad = request.into_inner().toml.contains("refuse");
        let errors = if bad {
            vec!["error: unknown key `refuse`".to_owned()]
        } else {
            vec![]
        };
        Ok(Response::new(ValidateResponse {
            errors,
            facts: vec!["102 raw files".into()],
        }))
    }

    async fn plan(&self, _: Request<SpecRequest>) -> Answer<PlanResponse> {
        let step = PlanStep {
            step: "raw".into(),
            exists: true,
            version: Some("0123456789abcdef".into()),
            rows: Some(7),
            after: vec![],
            note: None,
        };
        Ok(Response::new(PlanResponse {
            json: serde_json::to_string(&[step]).unwrap(),
        }))
    }

    async fn gc(&self, _: Request<GcRequest>) -> Answer<GcResponse> {
        Ok(Response::new(GcResponse {
            removed: vec!["tables/baskets/0123".into()],
            bytes: 2048,
        }))
    }

    async fn info(&self, _: Request<InfoRequest>) -> Answer<InfoResponse> {
        Ok(Response::new(InfoResponse {
            build: "fake".into(),
            warehouse: "/warehouse".into(),
            executors: 1,
            feeds: 1,
            trainers: 1,
            jobs: 0,
        }))
    }
}

#[tonic::async_trait]
impl RegistryService for Fake {
    async fn list_models(&self, _: Request<ListModelsRequest>) -> Answer<ListModelsResponse> {
        let model = ModelInfo {
            model: "grocery-vectors".into(),
            version: 3,
            kind: "prod2vec".into(),
            aliases: vec!["champion".into()],
            run_id: "run-1".into(),
            published_ms: 1_700_000_000_000,
            metrics: BTreeMap::from([("hit_rate@10".into(), 0.25)]),
            bytes: 4096,
        };
        Ok(Response::new(ListModelsResponse {
            json: serde_json::to_string(&[model]).unwrap(),
        }))
    }

    async fn similar(&self, request: Request<SimilarRequest>) -> Answer<SimilarResponse> {
        let request = request.into_inner();
        let item = |id: &str, cosine| SimilarItem {
            item_id: id.into(),
            name: format!("name of {id}"),
            cosine,
        };
        let similar = (1..=request.top)
            .map(|i| item(&format!("i{i}"), 1.0 / f64::from(i + 1)))
            .collect();
        Ok(Response::new(SimilarResponse {
            model: request.model,
            version: 3,
            item: Some(item(&request.item, 1.0)),
            similar,
        }))
    }

    async fn recommend(&self, request: Request<RecommendRequest>) -> Answer<RecommendResponse> {
        let request = request.into_inner();
        let item = |i| RecommendedItem {
            item_id: format!("i{i}"),
            name: format!("for {}", request.user_id),
            score: 1.0 / f64::from(i),
            bought: None,
        };
        Ok(Response::new(RecommendResponse {
            model: request.model.clone(),
            version: 3,
            unknown: request.new_only,
            items: (1..=request.top).map(item).collect(),
            listed_by: String::new(),
            probabilities: false,
        }))
    }

    async fn audience(&self, request: Request<AudienceRequest>) -> Answer<AudienceResponse> {
        let request = request.into_inner();
        let user = |i| AudienceUser {
            user_id: format!("u{i}"),
            probability: 1.0 / f64::from(i),
        };
        let context = request.context.iter().map(|(k, v)| format!("{k} {v}"));
        Ok(Response::new(AudienceResponse {
            model: request.model,
            version: 3,
            item_id: "i1".into(),
            name: request.item,
            unknown: false,
            price: request.price,
            category: context.collect(),
            users: 9,
            audience: (1..=request.top).map(user).collect(),
        }))
    }
}

#[tonic::async_trait]
impl SqlService for Fake {
    type QueryStream = Messages<SqlResponse>;

    async fn query(&self, request: Request<SqlRequest>) -> Answer<Self::QueryStream> {
        if !request.into_inner().sql.starts_with("select") {
            return Err(Status::invalid_argument(
                "this is not SQL that only reads: `drop`",
            ));
        }
        let kinds = [
            Kind::Progress(SqlProgress { done: 1, total: 2 }),
            Kind::Arrow(answer().into()),
            Kind::End(SqlEnd {
                rows: 2,
                truncated: true,
            }),
        ];
        // Bytes come cut anywhere.
        let messages = kinds.into_iter().flat_map(|kind| match kind {
            Kind::Arrow(bytes) => bytes
                .chunks(7)
                .map(|b| Kind::Arrow(b.to_vec().into()))
                .collect(),
            other => vec![other],
        });
        let messages: Vec<_> = messages
            .map(|kind| Ok(SqlResponse { kind: Some(kind) }))
            .collect();
        Ok(Response::new(Box::pin(futures::stream::iter(messages))))
    }

    async fn list_tables(&self, _: Request<ListTablesRequest>) -> Answer<ListTablesResponse> {
        let json = serde_json::to_string(&[table()]).unwrap();
        Ok(Response::new(ListTablesResponse { json }))
    }

    async fn show_table(&self, request: Request<ShowTableRequest>) -> Answer<ShowTableResponse> {
        let name = request.into_inner().table;
        if name != "baskets" {
            return Err(Status::not_found(format!("there is no table `{name}`")));
        }
        let detail = TableDetail {
            info: table(),
            ancestors: vec![],
            manifest: TableManifest {
                table: name,
                version: "0123".into(),
                columns: vec![],
                key: vec!["basket_id".into()],
                sort: vec![],
                parts: 8,
                rows: 7,
                bytes: 8,
                digest: "d".into(),
                files: vec![],
                lineage: TableLineage {
                    sql: "select 1".into(),
                    inputs: BTreeMap::new(),
                    build: "fake".into(),
                },
            },
        };
        let json = serde_json::to_string(&detail).unwrap();
        Ok(Response::new(ShowTableResponse { json }))
    }
}

fn table() -> TableInfo {
    TableInfo {
        table: "baskets".into(),
        version: "0123".into(),
        current: true,
        rows: 7,
        bytes: 8,
        files: 1,
        made_ms: 0,
        run_id: None,
    }
}

/// The answer to every query: two batches of one row.
fn answer() -> Vec<u8> {
    let schema = Arc::new(Schema::new(vec![
        Field::new("n", DataType::Int64, true),
        Field::new("item", DataType::Utf8, true),
    ]));
    let mut writer = StreamWriter::try_new(Vec::new(), &schema).unwrap();
    for (n, item) in [(1, Some("milk")), (200, None)] {
        let columns: Vec<ArrayRef> = vec![
            Arc::new(Int64Array::from(vec![n])),
            Arc::new(StringArray::from(vec![item])),
        ];
        let batch = RecordBatch::try_new(schema.clone(), columns).unwrap();
        writer.write(&batch).unwrap();
    }
    writer.into_inner().unwrap()
}

/// A connection that can be cut.
struct Cut {
    inner: tokio::net::TcpStream,
    gate: Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl Cut {
    fn new(inner: tokio::net::TcpStream, gate: &watch::Sender<bool>) -> Self {
        let mut gate = gate.subscribe();
        Self {
            inner,
            gate: Box::pin(async move { drop(gate.wait_for(|cut| *cut).await) }),
        }
    }
}

impl tonic::transport::server::Connected for Cut {
    type ConnectInfo = ();
    fn connect_info(&self) {}
}

impl tokio::io::AsyncRead for Cut {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
        buf: &mut tokio::io::ReadBuf<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        if self.gate.as_mut().poll(cx).is_ready() {
            return std::task::Poll::Ready(Err(std::io::ErrorKind::ConnectionReset.into()));
        }
        Pin::new(&mut self.inner).poll_read(cx, buf)
    }
}

impl tokio::io::AsyncWrite for Cut {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
        buf: &[u8],
    ) -> std::task::Poll<std::io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, buf)
    }
    fn poll_flush(
        mut self: Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }
    fn poll_shutdown(
        mut self: Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
