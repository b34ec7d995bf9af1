//! The roles inside this process: the same services on loopback ports, one code path with a
//! cluster. With `roles`, the only module that knows the roles' crates.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, anyhow};
use pannier_client::Client;
use pannier_executor::ExecutorConfig;
use pannier_proto::config::{Span, layered};
use pannier_scheduler::SchedulerConfig;
use pannier_trainer::TrainerConfig;
use serde::de::DeserializeOwned;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::exit::BadUsage;

const HOST: &str = "127.0.0.1";
/// Until all roles have found each other.
const START: Duration = Duration::from_secs(60);
/// Until a role has put its work down.
const STOP: Duration = Duration::from_secs(10);

/// Roles of one process cannot lose each other; a process that was suspended goes on.
const NEVER: Duration = Duration::from_secs(365 * 24 * 3600);

/// Which roles are started besides scheduler and executor.
#[derive(Debug, Clone, Copy)]
pub struct Roles {
    /// For commands that train.
    pub trainer: bool,
}

/// Roles going on in this process.
pub struct Embedded {
    /// The scheduler's address.
    pub url: String,
    // In the order of their start.
    services: Vec<Service>,
}

struct Service {
    role: &'static str,
    stop: oneshot::Sender<()>,
    task: JoinHandle<anyhow::Result<()>>,
}

impl Embedded {
    /// Starts the roles with everything below `data`, and waits until they have found each other.
    /// `config` is a TOML file with a table for each role. The warehouse is the one named, else
    /// the one that the scheduler's table names, else below `data`.
    ///
    /// # Errors
    /// A config that cannot be used, or why a role did not start.
    pub async fn start(
        data: &Path,
        warehouse: Option<&str>,
        roles: Roles,
        config: Option<&Path>,
    ) -> anyhow::Result<Self> {
        let data = std::path::absolute(data).context("cannot find the data directory")?;
        let tables = Tables::read(config)?;
        let warehouse = warehouse.or_else(|| tables.warehouse()).map_or_else(
            || data.join("warehouse").display().to_string(),
            str::to_owned,
        );
        for folder in ["state", "work"] {
            std::fs::create_dir_all(data.join(folder))
                .with_context(|| format!("cannot make {folder} in {}", data.display()))?;
        }

        let listener = TcpListener::bind((HOST, 0))
            .await
            .context("cannot listen on loopback")?;
        let url = format!("http://{}", listener.local_addr()?);
        let config = SchedulerConfig {
            take_up: roles.trainer,
            external_host: HOST.to_owned(),
            state: data.join("state"),
            warehouse: warehouse.clone(),
            executor_timeout: Span(NEVER),
            trainer_timeout: Span(NEVER),
            ..tables.role("scheduler")?
        };
        let mut services = vec![service("scheduler", |stop| async move {
            Ok(pannier_scheduler::serve(config, listener, stop).await?)
        })];

        let feed = TcpListener::bind((HOST, 0))
            .await
            .context("cannot listen on loopback")?;
        let config = ExecutorConfig {
            scheduler: url.clone(),
            bind_host: HOST.to_owned(),
            external_host: HOST.to_owned(),
            task_port: 0,
            shuffle_port: 0,
            work: data.join("work"),
            warehouse,
            ..tables.role("executor")?
        };
        services.push(service("executor", |stop| async move {
            Ok(pannier_executor::serve(config, feed, stop).await?)
        }));

        if roles.trainer {
            let config = TrainerConfig {
                scheduler: url.clone(),
                ..tables.role("trainer")?
            };
            services.push(service("trainer", |stop| async move {
                Ok(pannier_trainer::serve(config, stop).await?)
            }));
        }
        let mut embedded = Self { url, services };
        embedded.until_ready(roles).await?;
        Ok(embedded)
    }

    /// Waits until a role ends by itself, and says why.
    pub async fn died(&mut self) -> anyhow::Error {
        if self.services.is_empty() {
            return std::future::pending().await;
        }
        let (ended, index, _) =
            futures::future::select_all(self.services.iter_mut().map(|s| &mut s.task)).await;
        let role = self.services.remove(index).role;
        match ended {
            Ok(Ok(())) => anyhow!("the {role} in this process stopped"),
            Ok(Err(error)) => error.context(format!("the {role} in this process failed")),
            Err(_) => anyhow!("the {role} in this process broke down; this is a bug"),
        }
    }

    /// Stops the roles, the last started first.
    pub async fn stop(mut self) {
        while let Some(Service { stop, mut task, .. }) = self.services.pop() {
            // A role that has ended already hears nothing.
            let _ = stop.send(());
            if timeout(STOP, &mut task).await.is_err() {
                task.abort();
            }
        }
    }

    async fn until_ready(&mut self, roles: Roles) -> anyhow::Result<()> {
        let url = self.url.clone();
        let ready = timeout(START, found_each_other(&url, roles));
        tokio::select! {
            ready = ready => ready.map_err(|_| anyhow!("the services in this process did not get ready within {} s", START.as_secs())),
            error = self.died() => Err(error),
        }
    }
}

async fn found_each_other(url: &str, roles: Roles) {
    loop {
        if let Ok(client) = Client::connect(url).await
            && let Ok(info) = client.info().await
            && info.executors > 0
            && info.feeds > 0
            && (info.trainers > 0 || !roles.trainer)
        {
            return;
        }
        sleep(Duration::from_millis(50)).await;
    }
}

/// Spawns a role: its threads have the stack that deep plans need.
fn service<F>(role: &'static str, serve: impl FnOnce(Stop) -> F) -> Service
where
    F: Future<Output = anyhow::Result<()>> + Send + 'static,
{
    let (stop, stopped) = oneshot::channel();
    // A dropped sender stops the role, too.
    let stopped: Stop = Box::pin(async move { drop(stopped.await) });
    Service {
        role,
        stop,
        task: tokio::spawn(serve(stopped)),
    }
}

type Stop = std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;

/// A config file with a table for each role.
struct Tables {
    name: String,
    tables: toml::Table,
}

impl Tables {
    fn read(path: Option<&Path>) -> anyhow::Result<Self> {
        let Some(path) = path else {
            return Ok(Self {
                name: String::new(),
                tables: toml::Table::new(),
            });
        };
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path)
            .map_err(|e| BadUsage(format!("cannot read the config {name}: {e}")))?;
        let tables: toml::Table = text.parse().map_err(|e| BadUsage(format!("{name}: {e}")))?;
        if let Some(key) = tables
            .keys()
            .find(|k| !["scheduler", "executor", "trainer"].contains(&k.as_str()))
        {
            let help = "without --scheduler the file has one table for each role: [scheduler], [executor], [trainer]";
            return Err(BadUsage(format!("{name}: unknown key `{key}`; {help}")).into());
        }
        Ok(Self { name, tables })
    }

    /// The root that the scheduler's table names.
    fn warehouse(&self) -> Option<&str> {
        self.tables.get("scheduler")?.get("warehouse")?.as_str()
    }

    fn role<T: DeserializeOwned>(&self, role: &str) -> anyhow::Result<T> {
        let text = self.tables.get(role).map(toml::to_string).transpose()?;
        let file = format!("{} [{role}]", self.name);
        let layer = text.as_deref().map(|text| (file.as_str(), text));
        layered(role, layer, crate::roles::variables(), &[])
            .map_err(|e| BadUsage(e.to_string()).into())
    }
}
