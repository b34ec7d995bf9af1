//! Runs: submitted, watched, stopped, planned.

use std::time::Duration;

use futures::StreamExt;
use futures::stream::BoxStream;
use pannier_proto::event::{RunEvent, RunEventKind};
use pannier_proto::ids::BUILD_ID;
use pannier_proto::manifest::TableManifest;
use pannier_proto::objects;
use pannier_proto::spec::{RunSpec, SpecSource};
use pannier_proto::status::PlanStep;
use pannier_proto::wire::run_service_server::RunService;
use pannier_proto::wire::{
    EventMessage, EventsRequest, GcRequest, GcResponse, InfoRequest, InfoResponse, ListRunsRequest,
    ListRunsResponse, PlanResponse, PredictRequest, RunRequest, RunStatusMessage, SpecRequest,
    SubmitRequest, SubmitResponse, ValidateResponse,
};
use tokio::sync::mpsc::{Sender, channel};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use crate::check;
use crate::driver::Driver;
use crate::error::SchedulerError;
use crate::layout::{self, Layout, Source};
use crate::plan::{self, RunPlan, StepKind};
use crate::step::StepContext;
use crate::store::{RunRecord, now_ms};

mod gc;
mod predict;

/// Events read from the record at a time.
const PAGE: u32 = 500;

/// The service.
pub struct Runs {
    context: StepContext,
    driver: Driver,
}

impl Runs {
    /// Serves this scheduler's runs.
    pub fn new(context: StepContext, driver: Driver) -> Self {
        Self { context, driver }
    }

    /// Everything that can be known of a spec before any work starts.
    async fn plan_of(&self, request: SpecRequest) -> Result<(SpecSource, RunPlan), SchedulerError> {
        let source = SpecSource {
            file: request.file,
            text: request.toml,
        };
        let spec = RunSpec::parse(&source)?;
        let (layout, found) = found(&source, &spec).await?;
        let context = self.context.jobs.context()?;
        let common = layout::common(&spec.split, &layout)?;
        let defs = layout::own::merge(&source, &spec, &layout, common, &context).await?;
        let mut plan = plan::plan(spec, &layout, &defs, found)?;
        check::fit(&source, &mut plan, self.context.jobs.warehouse()).await?;
        Ok((source, plan))
    }

    async fn submit_run(&self, request: SubmitRequest) -> Result<SubmitResponse, SchedulerError> {
        let (source, plan) = self.plan_of(request.spec.unwrap_or_default()).await?;
        self.start_run(source, plan, request.key)
    }

    /// Records a run and starts it, unless the key had started one before.
    fn start_run(
        &self,
        source: SpecSource,
        plan: RunPlan,
        key: String,
    ) -> Result<SubmitResponse, SchedulerError> {
        let id = uuid::Uuid::new_v4().simple().to_string();
        let run_id = format!("{}-{}", plan.spec.name, &id[..8]);
        let key = if key.is_empty() { run_id.clone() } else { key };
        let record = RunRecord {
            run_id: run_id.clone(),
            name: plan.spec.name.clone(),
            spec_file: source.file,
            spec: source.text,
            plan,
            submitted_ms: now_ms(),
        };
        let (run_id, created) = self.context.store.create_run(&record, &key)?;
        if created {
            self.driver.start(record)?;
        }
        Ok(SubmitResponse { run_id, created })
    }

    fn status_message(&self, run_id: &str) -> Result<RunStatusMessage, SchedulerError> {
        Ok(RunStatusMessage {
            json: serde_json::to_string(&self.driver.status(run_id)?)?,
        })
    }

    async fn plan_steps(&self, request: SpecRequest) -> Result<Vec<PlanStep>, SchedulerError> {
        let (_, plan) = self.plan_of(request).await?;
        let mut steps = Vec::with_capacity(plan.steps.len());
        for step in plan.steps {
            let (mut version, mut rows, mut exists, mut note) = (None, None, false, None);
            match &step.kind {
                StepKind::Table(table) => {
                    let path = objects::table_manifest(&table.name, &table.version);
                    let manifest: Option<TableManifest> =
                        self.context.jobs.warehouse().find_json(&path).await?;
                    (exists, rows, version) = (
                        manifest.is_some(),
                        manifest.map(|m| m.rows),
                        Some(table.version.clone()),
                    );
                    note = table.own.map(|own| own.note().to_owned());
                }
                StepKind::Generate { dir, .. } => {
                    exists = pannier_engine::ops::generate::marker(dir).is_some()
                }
                _ => {}
            }
            steps.push(PlanStep {
                step: step.id,
                exists,
                version,
                rows,
                after: step.after,
                note,
            });
        }
        Ok(steps)
    }
}

/// A spec's layout, its columns mapped, and the files of its source.
async fn found(source: &SpecSource, spec: &RunSpec) -> Result<(Layout, Source), SchedulerError> {
    let mut layout = layout::find(&spec.source.layout, spec.prepare.context)?;
    let (source, spec) = (source.clone(), spec.clone());
    let found = tokio::task::spawn_blocking(move || {
        layout::fit(&source, &spec, &mut layout)?;
        layout::resolve(&source, &spec, &layout).map(|files| (layout, files))
    });
    let found = found.await;
    Ok(found.map_err(|e| SchedulerError::Failed(e.to_string()))??)
}

/// Sends a run's events from an offset on; with `follow`, until the run has ended.
async fn send_events(
    context: StepContext,
    driver: Driver,
    request: EventsRequest,
    out: Sender<Result<EventMessage, Status>>,
) -> Result<(), SchedulerError> {
    let mut next = request.from_offset;
    loop {
        let watch = driver.watch(&request.run_id);
        let events = context.store.events(&request.run_id, next, PAGE)?;
        let ended = events.last().is_some_and(|e: &RunEvent| e.kind.is_end());
        for event in &events {
            next = event.offset + 1;
            if out
                .send(Ok(EventMessage {
                    json: serde_json::to_string(event)?,
                }))
                .await
                .is_err()
            {
                return Ok(());
            }
        }
        if events.len() == PAGE as usize {
            continue;
        }
        // The status reads the whole log: it is asked only where the log itself does not tell.
        let over = |next| -> Result<bool, SchedulerError> {
            Ok(events.is_empty() && driver.status(&request.run_id)?.phase_is_over(next))
        };
        if ended || !request.follow || over(next)? {
            return Ok(());
        }
        if watch.is_none()
            && let Some(reason) = driver.stuck(&request.run_id)
        {
            return Err(SchedulerError::Failed(format!(
                "the run came to a stop: {reason}"
            )));
        }
        match watch {
            // The receiver was taken before the read: what came since is a change. The time-out
            // only guards against a run that ended between the two.
            Some(mut watch) => {
                let _ = tokio::time::timeout(Duration::from_millis(500), watch.changed()).await;
            }
            None => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

trait Over {
    fn phase_is_over(&self, next: u64) -> bool;
}

impl Over for pannier_proto::status::RunStatus {
    /// The run has ended and everything of it has been sent.
    fn phase_is_over(&self, next: u64) -> bool {
        self.ended_ms.is_some() && next >= self.events
    }
}

#[tonic::async_trait]
impl RunService for Runs {
    type EventsStream = BoxStream<'static, Result<EventMessage, Status>>;

    async fn submit(
        &self,
        request: Request<SubmitRequest>,
    ) -> Result<Response<SubmitResponse>, Status> {
        Ok(Response::new(self.submit_run(request.into_inner()).await?))
    }

    async fn predict(
        &self,
        request: Request<PredictRequest>,
    ) -> Result<Response<SubmitResponse>, Status> {
        Ok(Response::new(self.predict_run(request.into_inner()).await?))
    }

    async fn get(
        &self,
        request: Request<RunRequest>,
    ) -> Result<Response<RunStatusMessage>, Status> {
        Ok(Response::new(
            self.status_message(&request.into_inner().run_id)?,
        ))
    }

    async fn list(
        &self,
        request: Request<ListRunsRequest>,
    ) -> Result<Response<ListRunsResponse>, Status> {
        let limit = match request.into_inner().limit {
            0 => 50,
            n => n,
        };
        let ids = self.context.store.run_ids(limit)?;
        let runs = ids
            .iter()
            .map(|id| self.status_message(id))
            .collect::<Result<_, _>>()?;
        Ok(Response::new(ListRunsResponse { runs }))
    }

    async fn events(
        &self,
        request: Request<EventsRequest>,
    ) -> Result<Response<Self::EventsStream>, Status> {
        let request = request.into_inner();
        self.context.store.run(&request.run_id)?;
        let (out, messages) = channel(64);
        let (context, driver) = (self.context.clone(), self.driver.clone());
        tokio::spawn(async move {
            if let Err(error) = send_events(context, driver, request, out.clone()).await {
                let _ = out.send(Err(error.into())).await;
            }
        });
        Ok(Response::new(ReceiverStream::new(messages).boxed()))
    }

    async fn cancel(
        &self,
        request: Request<RunRequest>,
    ) -> Result<Response<RunStatusMessage>, Status> {
        let run_id = request.into_inner().run_id;
        self.driver
            .request(&run_id, RunEventKind::CancelRequested)
            .await?;
        Ok(Response::new(self.status_message(&run_id)?))
    }

    async fn retry(
        &self,
        request: Request<RunRequest>,
    ) -> Result<Response<RunStatusMessage>, Status> {
        let run_id = request.into_inner().run_id;
        self.driver
            .request(&run_id, RunEventKind::RetryRequested)
            .await?;
        Ok(Response::new(self.status_message(&run_id)?))
    }

    async fn validate(
        &self,
        request: Request<SpecRequest>,
    ) -> Result<Response<ValidateResponse>, Status> {
        let answer = match self.plan_of(request.into_inner()).await {
            Ok((_, plan)) => {
                let mut facts = plan.source.facts;
                facts.push(format!("{} steps", plan.steps.len()));
                ValidateResponse {
                    errors: Vec::new(),
                    facts,
                }
            }
            Err(SchedulerError::Spec(error)) => ValidateResponse {
                errors: vec![error.to_string()],
                facts: Vec::new(),
            },
            Err(other) => return Err(other.into()),
        };
        Ok(Response::new(answer))
    }

    async fn plan(&self, request: Request<SpecRequest>) -> Result<Response<PlanResponse>, Status> {
        let steps = self.plan_steps(request.into_inner()).await?;
        Ok(Response::new(PlanResponse {
            json: serde_json::to_string(&steps).map_err(SchedulerError::from)?,
        }))
    }

    async fn gc(&self, request: Request<GcRequest>) -> Result<Response<GcResponse>, Status> {
        Ok(Response::new(
            gc::collect(&self.context, request.into_inner().dry_run).await?,
        ))
    }

    async fn info(&self, _: Request<InfoRequest>) -> Result<Response<InfoResponse>, Status> {
        Ok(Response::new(InfoResponse {
            build: BUILD_ID.to_owned(),
            warehouse: self.context.jobs.warehouse().root(),
            executors: self.context.jobs.executors().await as u32,
            feeds: self.context.trainers.feeds().len() as u32,
            trainers: self.context.trainers.count() as u32,
            jobs: self.context.jobs.running() as u32,
        }))
    }
}
