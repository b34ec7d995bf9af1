//! A reader of a feed as a process of its own, and what it read.

use std::time::Duration;

use anyhow::{Context, ensure};
use pannier_tests::{Cluster, Process, eventually};
use serde::Deserialize;

/// Until an executor feeds, or a reader notices that one does not.
const SOON: Duration = Duration::from_secs(60);
/// A reader gives up after 120 s without a step: longer than this it must never take here.
const READ: Duration = Duration::from_secs(120);
/// Far more than an executor writes for any other reason while a test looks.
const FED: u64 = 64 << 10;

/// Batches with their digests, as `pannier feed digest --json` prints them.
#[derive(Debug, PartialEq, Eq, Deserialize)]
pub struct Read {
    pub feed: String,
    pub replica: u32,
    pub replicas: u32,
    pub chain: String,
    pub batches: Vec<Batch>,
}

/// One batch.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Batch {
    pub epoch: u64,
    pub step: u64,
    pub rows: u64,
    pub digest: String,
}

impl Read {
    /// It is exactly what another reader got; where not, the first difference is told.
    pub fn must_be(&self, expected: &Self) -> anyhow::Result<()> {
        let mut both = self.batches.iter().zip(&expected.batches);
        if let Some((here, there)) = both.find(|(here, there)| here != there) {
            anyhow::bail!("{here:?} was read where undisturbed it is {there:?}");
        }
        let (here, there) = (self.batches.len(), expected.batches.len());
        ensure!(here == there, "{here} steps were read of {there}");
        ensure!(here > 0, "nothing was read");
        ensure!(self == expected, "other facts of the same batches");
        Ok(())
    }
}

/// A `pannier feed digest` under way.
pub struct Reader {
    process: Process,
}

impl Reader {
    /// Begins to read `RUN/NAME`.
    pub fn start(cluster: &mut Cluster, feed: &str, args: &[&str]) -> anyhow::Result<Self> {
        let asked = ["feed", "digest", feed, "--json"];
        let process = cluster.command(&[&asked[..], args].concat())?;
        Ok(Self { process })
    }

    /// Waits until an executor feeds it; there must be more to read then.
    pub async fn is_fed_by(&mut self, executor: &Process) -> anyhow::Result<()> {
        let before = executor.written()?;
        eventually(SOON, "the executor feeds", async || {
            let written = executor.written().ok()?;
            (written > before + FED).then_some(())
        })
        .await?;
        self.process.must_live()
    }

    /// Waits until it has turned away from an executor; there must be more to read then.
    pub async fn leaves(&mut self, url: &str) -> anyhow::Result<()> {
        eventually(SOON, "the reader asks another executor", async || {
            self.left(url).then_some(())
        })
        .await
        .with_context(|| self.process.complained())?;
        self.process.must_live()
    }

    /// Whether it has turned away from an executor.
    pub fn left(&self, url: &str) -> bool {
        let said = self.process.complained();
        let executor = format!(" at {url}: ");
        let mut lines = said.lines();
        lines.any(|l| l.contains(&executor) && l.contains("asking the next executor"))
    }

    /// Holds it where it is, so that it is not done before the next fault is ready.
    pub fn hold(&mut self) -> anyhow::Result<()> {
        self.process.signal("STOP")
    }

    /// Lets it go on.
    pub fn go_on(&mut self) -> anyhow::Result<()> {
        self.process.signal("CONT")
    }

    /// It has not ended.
    pub fn must_live(&mut self) -> anyhow::Result<()> {
        self.process.must_live()
    }

    /// What it read, once it is done.
    pub async fn done(mut self) -> anyhow::Result<Read> {
        let ended = self.process.ended(READ).await?;
        ensure!(ended.success(), "{ended}: {}", self.process.complained());
        Ok(serde_json::from_str(&self.process.said())?)
    }
}

/// Where an executor serves feeds: it says so when it starts, and again when it starts anew.
pub fn address(executor: &Process) -> anyhow::Result<String> {
    let said = executor.complained() + &executor.said();
    let mut starts = said.lines().filter_map(|l| l.split_once("feed=http://"));
    let (_, rest) = starts
        .next_back()
        .context("the executor has no address yet")?;
    let url = rest.split_whitespace().next().unwrap_or_default();
    Ok(format!("http://{url}"))
}
