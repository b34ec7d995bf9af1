//! Finds the services that work on a data directory, or starts them.

use std::path::Path;
use std::time::Duration;

use pannier_client::Client;
use tokio::time::{Instant, sleep};

use crate::args::Global;
use crate::embedded::{Embedded, Roles};
use crate::exit::BadUsage;
use crate::lock::{self, Claim, DataLock};
use crate::out;
use crate::session::{Need, Session};

const PATIENCE: Duration = Duration::from_secs(60);
const TELL_AFTER: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_millis(100);

/// Opens a session with the services on `--data`.
///
/// # Errors
/// `BadUsage` where the command needs a running scheduler and there is none; why services do not
/// start otherwise.
pub async fn open(global: &Global, need: Need) -> anyhow::Result<Session> {
    let data = &global.data;
    if matches!(need, Need::Past | Need::Trained) && !lock::exists(data) {
        anyhow::bail!(
            "nothing has run in {} yet; `pannier run SPEC` starts there, --data and --scheduler look elsewhere",
            data.display()
        );
    }
    if need == Need::Running && !lock::exists(data) {
        return Err(none_running(data));
    }
    let began = Instant::now();
    let mut told = false;
    loop {
        match lock::claim(data)? {
            Claim::Ours(_) if need == Need::Running => return Err(none_running(data)),
            Claim::Ours(lock) => return start(global, need, lock).await,
            Claim::Theirs(Some(url)) => {
                if let Ok(client) = Client::connect(&url).await {
                    return Ok(Session::shared(client));
                }
            }
            Claim::Theirs(None) => {}
        }
        if began.elapsed() > PATIENCE {
            anyhow::bail!(
                "another pannier works on {} and cannot be joined; try again when it is done",
                data.display()
            );
        }
        if !told && !global.quiet && began.elapsed() > TELL_AFTER {
            told = true;
            out::note(&format!(
                "waiting for another pannier that works on {}",
                data.display()
            ));
        }
        sleep(PAUSE).await;
    }
}

fn none_running(data: &Path) -> anyhow::Error {
    let text = format!(
        "no scheduler was named and none is running on {}; --scheduler URL names one, `pannier run SPEC` needs none",
        data.display()
    );
    BadUsage(text).into()
}

async fn start(global: &Global, need: Need, lock: DataLock) -> anyhow::Result<Session> {
    let roles = Roles {
        trainer: matches!(need, Need::Training | Need::Trained),
    };
    let embedded = Embedded::start(
        &global.data,
        global.warehouse(),
        roles,
        global.config.as_deref(),
    )
    .await?;
    let client = Client::connect(&embedded.url).await?;
    // Services for a single question are gone in a moment: others wait rather than join.
    if roles.trainer {
        lock.publish(&embedded.url)?;
    }
    Ok(Session::owned(client, embedded, lock))
}
