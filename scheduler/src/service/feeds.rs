//! Feeds, for people and readers: those that are written down, and what trainings read of them.

use std::collections::BTreeMap;

use pannier_engine::warehouse::Warehouse;
use pannier_proto::event::{RunEventKind, StepOutcome};
use pannier_proto::feed::FeedSpec;
use pannier_proto::objects;
use pannier_proto::status::{FeedDetail, FeedInfo, FeedUse};
use pannier_proto::wire::feed_service_server::FeedService;
use pannier_proto::wire::{
    LedgerRequest, LedgerResponse, ListFeedSpecsRequest, ListFeedSpecsResponse, ShowFeedRequest,
    ShowFeedResponse,
};
use pannier_proto::work::WorkOutcome;
use tonic::{Request, Response, Status};

use crate::error::SchedulerError;
use crate::step::StepContext;

/// The service.
pub struct Feeds {
    context: StepContext,
}

/// Who uses which feed, newest first.
type Uses = BTreeMap<String, Vec<FeedUse>>;

impl Feeds {
    /// Serves this scheduler's feeds.
    pub fn new(context: StepContext) -> Self {
        Self { context }
    }

    fn warehouse(&self) -> &Warehouse {
        self.context.jobs.warehouse()
    }

    fn uses(&self) -> Result<Uses, SchedulerError> {
        let store = &self.context.store;
        let mut events = store.finished("feed")?;
        events.extend(store.finished("work")?);
        events.sort_by_key(|e| std::cmp::Reverse(e.at_ms));
        let mut uses = Uses::new();
        for event in events {
            let RunEventKind::StepFinished { step, result, .. } = event.kind else {
                continue;
            };
            let (digest, recorded) = match result {
                StepOutcome::Feed { digest, .. } => (digest, false),
                StepOutcome::Work(WorkOutcome::Trained { feed, .. }) => (feed, true),
                _ => continue,
            };
            uses.entry(digest).or_default().push(FeedUse {
                run_id: event.run_id,
                step,
                recorded,
            });
        }
        Ok(uses)
    }

    async fn info(
        &self,
        digest: &str,
        spec: &FeedSpec,
        uses: &Uses,
    ) -> Result<FeedInfo, SchedulerError> {
        let written = self.warehouse().written_ms(&objects::feed(digest)).await?;
        Ok(FeedInfo {
            digest: digest.to_owned(),
            table: spec.table.clone(),
            version: spec.version.clone(),
            transform: spec.transform.name().to_owned(),
            rows: spec.rows(),
            steps: spec.steps(),
            batch_rows: spec.batch_rows,
            made_ms: written.unwrap_or_default(),
            uses: uses.get(digest).cloned().unwrap_or_default(),
        })
    }

    async fn digests(&self) -> Result<Vec<String>, SchedulerError> {
        let objects = self.warehouse().list("feeds").await?.into_iter();
        let name = |path: &str| {
            let name = path.strip_prefix("feeds/")?.strip_suffix(".json")?;
            Some(name.to_owned())
        };
        Ok(objects.filter_map(|o| name(&o.path)).collect())
    }

    async fn all(&self) -> Result<Vec<FeedInfo>, SchedulerError> {
        let uses = self.uses()?;
        let mut all = Vec::new();
        for digest in self.digests().await? {
            // One that another build wrote may not be understood: it is none of ours.
            let spec: Result<FeedSpec, _> =
                self.warehouse().get_json(&objects::feed(&digest)).await;
            if let Ok(spec) = spec {
                all.push(self.info(&digest, &spec, &uses).await?);
            }
        }
        all.sort_by(|a, b| b.made_ms.cmp(&a.made_ms).then(a.digest.cmp(&b.digest)));
        Ok(all)
    }

    async fn show_one(&self, name: &str) -> Result<FeedDetail, SchedulerError> {
        let uses = self.uses()?;
        let digest = match used(&uses, name, false)? {
            Some((digest, _)) => digest,
            None => self.by_digest(name).await?,
        };
        let spec: FeedSpec = self.warehouse().get_json(&objects::feed(&digest)).await?;
        let info = self.info(&digest, &spec, &uses).await?;
        Ok(FeedDetail { info, spec })
    }

    /// The feed whose digest begins like this.
    async fn by_digest(&self, begin: &str) -> Result<String, SchedulerError> {
        let mut found = self.digests().await?;
        found.retain(|digest| !begin.is_empty() && digest.starts_with(begin));
        match &found[..] {
            [one] => Ok(one.clone()),
            [] => Err(SchedulerError::NotFound(format!(
                "no feed `{begin}`: neither a digest nor a run; `pannier feed ls` lists them"
            ))),
            several => Err(SchedulerError::Refused(format!(
                "{} feeds begin with `{begin}`; write more of the digest",
                several.len()
            ))),
        }
    }

    async fn recorded(&self, name: &str) -> Result<LedgerResponse, SchedulerError> {
        let Some((feed, used)) = used(&self.uses()?, name, true)? else {
            return Err(SchedulerError::NotFound(format!(
                "no finished training `{name}`: write a run, or run/training; `pannier list` lists runs"
            )));
        };
        let train = used.step.strip_prefix("train:").unwrap_or(&used.step);
        let path = objects::ledger(&used.run_id, train);
        let digests = self.warehouse().get(&path).await?.to_vec();
        Ok(LedgerResponse { feed, digests })
    }
}

/// The feed that a run uses, or one of its steps: `run` or `run/name`; none where it is no run.
fn used(
    uses: &Uses,
    name: &str,
    recorded: bool,
) -> Result<Option<(String, FeedUse)>, SchedulerError> {
    let (run, step) = match name.split_once('/') {
        Some((run, step)) => (run, Some(step)),
        None => (name, None),
    };
    let is_step = |used: &FeedUse| {
        let own = used.step.split_once(':').map_or("", |(_, name)| name);
        step.is_none_or(|wanted| wanted == own || wanted == used.step)
    };
    let all = uses
        .iter()
        .flat_map(|(digest, uses)| uses.iter().map(move |u| (digest, u)));
    let found: Vec<_> = all
        .filter(|(_, u)| u.run_id == run && is_step(u) && (u.recorded || !recorded))
        .collect();
    match &found[..] {
        [] => Ok(None),
        [(digest, used)] => Ok(Some(((*digest).clone(), (*used).clone()))),
        several => {
            let names: Vec<&str> = several.iter().map(|(_, u)| u.step.as_str()).collect();
            Err(SchedulerError::Refused(format!(
                "run `{run}` has {}; write {run}/NAME",
                names.join(", ")
            )))
        }
    }
}

#[tonic::async_trait]
impl FeedService for Feeds {
    async fn list(
        &self,
        _: Request<ListFeedSpecsRequest>,
    ) -> Result<Response<ListFeedSpecsResponse>, Status> {
        let all = self.all().await?;
        let json = serde_json::to_string(&all).map_err(SchedulerError::from)?;
        Ok(Response::new(ListFeedSpecsResponse { json }))
    }

    async fn show(
        &self,
        request: Request<ShowFeedRequest>,
    ) -> Result<Response<ShowFeedResponse>, Status> {
        let detail = self.show_one(&request.into_inner().feed).await?;
        let json = serde_json::to_string(&detail).map_err(SchedulerError::from)?;
        Ok(Response::new(ShowFeedResponse { json }))
    }

    async fn ledger(
        &self,
        request: Request<LedgerRequest>,
    ) -> Result<Response<LedgerResponse>, Status> {
        let ledger = self.recorded(&request.into_inner().training).await?;
        Ok(Response::new(ledger))
    }
}
