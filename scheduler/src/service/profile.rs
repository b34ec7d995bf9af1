//! Profiles for people: of a table version, or of what a run's source holds.

use pannier_proto::manifest::TableManifest;
use pannier_proto::objects;
use pannier_proto::profile::Profile;
use pannier_proto::wire::profile_service_server::ProfileService;
use pannier_proto::wire::{ProfileRequest, ProfileResponse};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

use crate::error::SchedulerError;
use crate::report::profile_page;
use crate::step::StepContext;
use crate::step::profile::{SOURCE, tables};
use crate::store::RunRecord;

/// Runs that are searched for a table's newest version.
const RUNS: u32 = 100;

/// The service.
pub struct Profiles {
    context: StepContext,
}

impl Profiles {
    /// Serves this scheduler's tables.
    pub fn new(context: StepContext) -> Self {
        Self { context }
    }

    async fn profile(&self, request: &ProfileRequest) -> Result<Profile, SchedulerError> {
        let runs = self.runs(&request.run_id)?;
        let warehouse = self.context.jobs.warehouse();
        if request.table.is_empty() && !request.run_id.is_empty() {
            let path = objects::profile(&request.run_id);
            let made: Option<Profile> = warehouse.find_json(&path).await?;
            if let Some(made) = made.filter(|profile| !profile.tables.is_empty()) {
                return Ok(made);
            }
        }
        let mut manifests = Vec::new();
        if request.table.is_empty() {
            for name in SOURCE {
                manifests.extend(self.find(&runs, name, "").await?);
            }
        } else {
            let (name, version) = request
                .table
                .split_once('@')
                .unwrap_or((&request.table, ""));
            manifests.extend(self.find(&runs, name, version).await?);
        }
        if manifests.is_empty() {
            return Err(missing(request, &runs));
        }
        // The call is dropped with its connection, and its jobs with it.
        let stopped = CancellationToken::new();
        let _guard = stopped.clone().drop_guard();
        tables(&self.context.jobs, &manifests, &stopped).await
    }

    /// The run that is meant, or all, newest first.
    fn runs(&self, run_id: &str) -> Result<Vec<RunRecord>, SchedulerError> {
        let store = &self.context.store;
        if !run_id.is_empty() {
            return Ok(vec![store.run(run_id)?]);
        }
        store
            .run_ids(RUNS)?
            .iter()
            .map(|id| store.run(id))
            .collect()
    }

    /// The newest committed version of a table whose name begins with `version`.
    async fn find(
        &self,
        runs: &[RunRecord],
        name: &str,
        version: &str,
    ) -> Result<Option<TableManifest>, SchedulerError> {
        for table in runs.iter().filter_map(|run| run.plan.table(name)) {
            let path = objects::table_manifest(name, &table.version);
            if !table.version.starts_with(version) {
                continue;
            }
            let manifest = self.context.jobs.warehouse().find_json(&path).await?;
            if manifest.is_some() {
                return Ok(manifest);
            }
        }
        Ok(None)
    }
}

fn missing(request: &ProfileRequest, runs: &[RunRecord]) -> SchedulerError {
    let known = runs.first().map(|run| run.plan.tables());
    let known: Vec<String> = known.unwrap_or_default().into_keys().collect();
    let help = if known.is_empty() {
        "no run has made tables yet; `pannier run SPEC` does".to_owned()
    } else {
        format!("there are {}", known.join(", "))
    };
    let what = if request.table.is_empty() {
        "made table of a source".to_owned()
    } else {
        format!("table `{}`", request.table)
    };
    SchedulerError::NotFound(format!("there is no {what}; {help}"))
}

#[tonic::async_trait]
impl ProfileService for Profiles {
    async fn profile(
        &self,
        request: Request<ProfileRequest>,
    ) -> Result<Response<ProfileResponse>, Status> {
        let request = request.into_inner();
        let profile = Profiles::profile(self, &request).await?;
        let html = request.html.then(|| profile_page(&profile));
        Ok(Response::new(ProfileResponse {
            json: serde_json::to_string(&profile).map_err(SchedulerError::from)?,
            html: html.unwrap_or_default(),
        }))
    }
}
