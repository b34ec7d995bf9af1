//! A cluster of real processes on this machine, in a folder of its own.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use futures::StreamExt;
use pannier_client::Client;
use pannier_client::Info;
use pannier_proto::event::{RunEvent, RunEventKind};
use tokio::time::timeout;

use crate::outcome::Outcome;
use crate::program::{Process, Ran, ran};
use crate::roles::start_scheduler;
use crate::shared::{Shared, shared};
use crate::wait::eventually;

/// Until processes have found each other, or lost each other.
const SOON: Duration = Duration::from_secs(40);
/// A run on two busy cores.
const RUN: Duration = Duration::from_secs(100);
/// A test.
const TEST: Duration = Duration::from_secs(150);

/// What a cluster begins with.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Executors of one vcore.
    pub executors: usize,
    /// Trainers.
    pub trainers: usize,
    /// Whether the tables of the undisturbed run are there already.
    pub tables: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            executors: 2,
            trainers: 0,
            tables: false,
        }
    }
}

/// A cluster. Dropped, everything of it is killed and removed; where the test failed, the
/// processes' last lines are printed before.
#[derive(Debug)]
pub struct Cluster {
    /// Its folder: specs, `warehouse`, `state`, what the processes print.
    pub dir: tempfile::TempDir,
    /// The scheduler.
    pub scheduler: Process,
    /// The executors, in the order of their start.
    pub executors: Vec<Process>,
    /// The trainers, in the order of their start.
    pub trainers: Vec<Process>,
    pub(crate) port: u16,
    pub(crate) started: usize,
}

/// Runs a test on a cluster of its own, against a deadline. The specs of `shared` are `spec.toml`
/// and `tables.toml` in its folder. Where it fails, the processes' last lines are printed.
///
/// # Errors
/// Those of the test, or that it took too long.
pub async fn on_cluster(
    options: Options,
    test: impl AsyncFnOnce(&mut Cluster, &Shared) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let shared = shared()?;
    let mut cluster = Cluster::start(&shared, options)?;
    let all = async {
        cluster.ready(options.executors, options.trainers).await?;
        test(&mut cluster, &shared).await
    };
    let result = timeout(TEST, all)
        .await
        .unwrap_or_else(|_| anyhow::bail!("the test took longer than {} s", TEST.as_secs()));
    if result.is_err() {
        cluster.show();
    }
    result
}

impl Cluster {
    fn start(shared: &Shared, options: Options) -> anyhow::Result<Self> {
        let dir = tempfile::tempdir()?;
        fs::write(dir.path().join("spec.toml"), &shared.spec)?;
        fs::write(dir.path().join("tables.toml"), &shared.tables_spec)?;
        if options.tables {
            copy(
                &shared.warehouse.join("tables"),
                &dir.path().join("warehouse/tables"),
            )?;
        }
        let port = free_port()?;
        let scheduler = start_scheduler(dir.path(), "127.0.0.1", port)?;
        let mut cluster = Self {
            dir,
            scheduler,
            executors: Vec::new(),
            trainers: Vec::new(),
            port,
            started: 0,
        };
        for _ in 0..options.executors {
            cluster.add_executor()?;
        }
        for _ in 0..options.trainers {
            cluster.add_trainer()?;
        }
        Ok(cluster)
    }

    /// Prints the last lines of every role.
    fn show(&self) {
        let roles = self.executors.iter().chain(&self.trainers);
        for process in std::iter::once(&self.scheduler).chain(roles) {
            process.show();
        }
    }

    /// Where the scheduler is.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The warehouse.
    #[must_use]
    pub fn warehouse(&self) -> PathBuf {
        self.dir.path().join("warehouse")
    }

    /// Starts the scheduler again, on the same port and state.
    ///
    /// # Errors
    /// Where it cannot be started.
    pub fn scheduler_again(&mut self) -> anyhow::Result<()> {
        self.scheduler_again_on("127.0.0.1")
    }

    /// Starts one more executor.
    ///
    /// # Errors
    /// Where it cannot be started.
    pub fn add_executor(&mut self) -> anyhow::Result<()> {
        self.add_executor_with(&[])
    }

    /// Starts one more trainer.
    ///
    /// # Errors
    /// Where it cannot be started.
    pub fn add_trainer(&mut self) -> anyhow::Result<()> {
        self.add_trainer_with(&[])
    }

    /// Starts a command of the program against this scheduler that goes on.
    ///
    /// # Errors
    /// Where it cannot be started.
    pub fn command(&mut self, args: &[&str]) -> anyhow::Result<Process> {
        self.started += 1;
        let url = self.url();
        let args: Vec<String> = args
            .iter()
            .copied()
            .chain(["--scheduler", &url])
            .map(str::to_owned)
            .collect();
        let name = format!("{}-{}", args[0], self.started);
        Process::start(self.dir.path(), &name, &args)
    }

    /// Runs a command of the program against this scheduler to its end.
    ///
    /// # Errors
    /// Where it cannot be started.
    pub fn ran(&self, args: &[&str]) -> anyhow::Result<Ran> {
        let url = self.url();
        let args: Vec<&str> = args.iter().copied().chain(["--scheduler", &url]).collect();
        ran(self.dir.path(), &args)
    }

    /// Submits one of the cluster's specs; gives the run's id.
    ///
    /// # Errors
    /// Where it is refused.
    pub fn submit(&self, spec: &str) -> anyhow::Result<String> {
        let out = self.ran(&["submit", spec, "--quiet"])?.good()?;
        Ok(out.trim().to_owned())
    }

    /// A client, once the scheduler answers.
    ///
    /// # Errors
    /// Where it does not.
    pub async fn client(&self) -> anyhow::Result<Client> {
        let url = self.url();
        eventually(SOON, "the scheduler answers", async || {
            Client::connect(&url).await.ok()
        })
        .await
    }

    /// Waits until the scheduler counts so many executors, their feeds, and trainers.
    ///
    /// # Errors
    /// Where it does not, with what it counts.
    pub async fn ready(&self, executors: usize, trainers: usize) -> anyhow::Result<()> {
        self.until("everybody is there", |info| {
            info.executors as usize == executors
                && info.feeds as usize >= executors
                && info.trainers as usize == trainers
        })
        .await
    }

    /// Waits until what the scheduler knows of its cluster is as wished.
    ///
    /// # Errors
    /// Where it never is, with what it knows.
    pub async fn until(&self, what: &str, wished: impl Fn(&Info) -> bool) -> anyhow::Result<()> {
        let client = self.client().await?;
        let seen = eventually(SOON, what, async || {
            client.info().await.ok().filter(|info| wished(info))
        });
        if let Err(error) = seen.await {
            return Err(error.context(format!("{:?}", client.info().await)));
        }
        Ok(())
    }

    /// Follows a run until an event is as wished, and gives it.
    ///
    /// # Errors
    /// Where the run ends before.
    pub async fn event(
        &self,
        run: &str,
        what: &str,
        wished: impl Fn(&RunEventKind) -> bool,
    ) -> anyhow::Result<RunEvent> {
        let mut events = self.client().await?.follow(run, 0).into_stream();
        let search = async {
            while let Some(event) = events.next().await {
                let event = event?;
                if wished(&event.kind) {
                    return Ok(event);
                }
                if event.kind.is_end() {
                    anyhow::bail!("the run ended ({:?}) before: {what}", event.kind);
                }
            }
            anyhow::bail!("the log ended before: {what}")
        };
        timeout(RUN, search)
            .await
            .with_context(|| format!("waited for: {what}"))?
    }

    /// The events of a run, once it has ended.
    ///
    /// # Errors
    /// Where it does not end.
    pub async fn end(&self, run: &str) -> anyhow::Result<Vec<RunEvent>> {
        // Not the first end in the log: a run may have been retried after it.
        let client = self.client().await?;
        eventually(RUN, "the run's end", async || {
            client
                .get(run)
                .await
                .ok()
                .filter(|status| status.ended_ms.is_some())
        })
        .await?;
        self.events(run).await
    }

    /// The events of a run up to now.
    ///
    /// # Errors
    /// Where the scheduler does not give them.
    pub async fn events(&self, run: &str) -> anyhow::Result<Vec<RunEvent>> {
        let client = self.client().await?;
        let events: Vec<_> = client.events(run, 0).await?.collect().await;
        Ok(events.into_iter().collect::<Result<_, _>>()?)
    }

    /// Waits for the run's end, which must be good, and gives its events and what it made.
    ///
    /// # Errors
    /// Where it failed.
    pub async fn succeeded(&self, run: &str) -> anyhow::Result<(Vec<RunEvent>, Outcome)> {
        let events = self.end(run).await?;
        let last = events.last().map(|e| e.kind.clone());
        anyhow::ensure!(last == Some(RunEventKind::Succeeded), "{last:?}");
        let outcome = Outcome::of(&events, &self.warehouse())?;
        Ok((events, outcome))
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.show();
        }
    }
}

/// The one port that others must know beforehand: free a moment ago, and below those that the
/// system gives to connections, so that none takes it while the scheduler is away.
fn free_port() -> anyhow::Result<u16> {
    let first = u16::try_from(std::process::id() % 10_000)?;
    (0..10_000)
        .map(|i| 20_000 + (first + i) % 10_000)
        .find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok())
        .context("no port is free")
}

fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
