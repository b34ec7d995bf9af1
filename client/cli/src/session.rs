//! The scheduler a command works with: the one that was named, the one of another pannier on the
//! same data directory, or one inside this process.

use pannier_client::{Client, ClientError};
use pannier_proto::status::RunPhase;

use crate::args::Global;
#[cfg(feature = "cluster")]
use crate::attach::open;
use crate::embedded::Embedded;
#[cfg(not(feature = "cluster"))]
use crate::embedded::open;
#[cfg(feature = "cluster")]
use crate::lock::DataLock;
use crate::out;
use crate::signals::Interrupts;

/// What a command needs of services that would be started for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Scheduler and executor, over data that may not be there yet.
    Engine,
    /// The same, to ask about what earlier runs left.
    Past,
    /// All three roles.
    Training,
    /// All three roles, to go on with what earlier runs left.
    Trained,
    /// Services that outlive the command: none are started for it.
    Running,
}

/// A connection, and the services behind it where they are ours.
pub struct Session {
    /// The scheduler.
    pub client: Client,
    embedded: Option<Embedded>,
    // A service of ours has died: nothing can be expected of the others.
    broken: bool,
    // Dropped after the services have stopped.
    #[cfg(feature = "cluster")]
    lock: Option<DataLock>,
}

impl Session {
    /// Connects, after starting services where they are needed.
    ///
    /// # Errors
    /// `ClientError` for a scheduler that was named; otherwise why there are no services.
    pub async fn open(global: &Global, need: Need) -> anyhow::Result<Self> {
        if let Some(url) = global.scheduler() {
            return Ok(Self::shared(Client::connect(url).await?));
        }
        open(global, need).await
    }

    /// A connection to services that are not ours.
    pub fn shared(client: Client) -> Self {
        Self {
            client,
            embedded: None,
            broken: false,
            #[cfg(feature = "cluster")]
            lock: None,
        }
    }

    /// A connection to services of ours.
    #[cfg(feature = "cluster")]
    pub fn owned(client: Client, embedded: Embedded, lock: DataLock) -> Self {
        Self {
            client,
            embedded: Some(embedded),
            broken: false,
            lock: Some(lock),
        }
    }

    /// Whether the services end with this command.
    pub fn owns_services(&self) -> bool {
        self.embedded.is_some()
    }

    /// Waits for a service of ours to end by itself, and says why it did.
    pub async fn died(&mut self) -> anyhow::Error {
        match &mut self.embedded {
            Some(embedded) => {
                let error = embedded.died().await;
                self.broken = true;
                error
            }
            None => std::future::pending().await,
        }
    }

    /// Waits for the runs of others on services of ours; Ctrl-C ends the waiting.
    ///
    /// # Errors
    /// Where signals cannot be caught.
    pub async fn wait_for_others(&mut self) -> anyhow::Result<()> {
        if !self.owns_services() || self.broken {
            return Ok(());
        }
        let mut interrupts = Interrupts::listen()?;
        let client = self.client.clone();
        tokio::select! {
            () = no_runs(&client) => {}
            () = interrupts.next() => {}
            _ = self.died() => {}
        }
        Ok(())
    }

    /// Stops services of ours; Ctrl-C leaves them where they are.
    pub async fn close(self) {
        // From here on nobody should join.
        #[cfg(feature = "cluster")]
        if let Some(lock) = &self.lock {
            lock.withdraw();
        }
        let (Some(embedded), Ok(mut interrupts)) = (self.embedded, Interrupts::listen()) else {
            return;
        };
        tokio::select! {
            () = embedded.stop() => {}
            () = interrupts.next() => {}
        }
    }
}

/// Returns once no run is going on, or the scheduler does not answer.
async fn no_runs(client: &Client) {
    let mut told = false;
    loop {
        let runs = client.list(100).await.unwrap_or_default();
        let Some(run) = runs
            .iter()
            .find(|r| matches!(r.phase, RunPhase::Running | RunPhase::Cancelling))
        else {
            return;
        };
        if !told {
            out::note(&format!(
                "waiting for run {} ({}), which uses these services too; Ctrl-C stops them",
                run.run_id, run.name
            ));
            told = true;
        }
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    }
}

/// Opens a session, asks one thing, and closes it.
///
/// # Errors
/// Those of opening and of asking.
pub async fn ask<T>(
    global: &Global,
    need: Need,
    question: impl AsyncFnOnce(&Client) -> Result<T, ClientError>,
) -> anyhow::Result<T> {
    let session = Session::open(global, need).await?;
    let answer = question(&session.client).await;
    session.close().await;
    Ok(answer?)
}
