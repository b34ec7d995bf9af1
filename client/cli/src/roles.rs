//! The three role commands: config, listener, log, and an orderly stop.

use std::fmt::Display;
use std::time::Duration;

use anyhow::Context;
#[cfg(unix)]
use pannier_client::Client;
use pannier_executor::ExecutorConfig;
#[cfg(unix)]
use pannier_executor::ExecutorError;
use pannier_proto::config::layered;
use pannier_scheduler::SchedulerConfig;
use pannier_trainer::TrainerConfig;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::TcpListener;

use crate::args::{Global, RoleArgs};
use crate::exit::{BadUsage, Exit};
use crate::signals::Interrupts;
use crate::{log, out};

/// Between two looks for a scheduler that went away.
#[cfg(unix)]
const BETWEEN_LOOKS: Duration = Duration::from_millis(500);

/// `pannier scheduler`.
///
/// # Errors
/// A config that cannot be used, a port that is taken, or why the role failed.
pub async fn scheduler(global: &Global, args: &RoleArgs) -> anyhow::Result<Exit> {
    let config: SchedulerConfig = load("scheduler", global, args, &[])?;
    if args.print_config {
        return print(&config);
    }
    log::init_role();
    let listener = bind(&config.listen).await?;
    let stop = stopped()?;
    ended(
        tokio::spawn(async move { pannier_scheduler::serve(config, listener, stop).await }).await?,
        "scheduler",
    )
}

/// `pannier executor`.
///
/// # Errors
/// A config that cannot be used, a port that is taken, or why the role failed.
pub async fn executor(global: &Global, args: &RoleArgs) -> anyhow::Result<Exit> {
    let config: ExecutorConfig = load("executor", global, args, &named_scheduler(global))?;
    if args.print_config {
        return print(&config);
    }
    log::init_role();
    let feed = bind(&format!("{}:{}", config.bind_host, config.feed_port)).await?;
    let stop = stopped()?;
    let ended_with =
        tokio::spawn(async move { pannier_executor::serve(config, feed, stop).await }).await?;
    #[cfg(unix)]
    if let Err(lost @ ExecutorError::SchedulerLost { url }) = &ended_with {
        return come_back(lost, url).await;
    }
    ended(ended_with, "executor")
}

/// Waits for the scheduler and begins anew, as the same process with a fresh image: Ballista's
/// executor cannot start twice in one, and nobody else may be there to start another.
#[cfg(unix)]
async fn come_back(lost: &ExecutorError, url: &str) -> anyhow::Result<Exit> {
    use std::os::unix::process::CommandExt;

    out::note(&format!(
        "{lost}; this executor comes back when the scheduler does"
    ));
    let mut stop = std::pin::pin!(stopped()?);
    while Client::connect(url).await.is_err() {
        tokio::select! {
            () = &mut stop => return Ok(Exit::Done),
            () = tokio::time::sleep(BETWEEN_LOOKS) => {}
        }
    }
    let mut again = std::process::Command::new(std::env::current_exe()?);
    again.args(std::env::args_os().skip(1));
    anyhow::bail!("the executor cannot start again: {}", again.exec());
}

/// `pannier trainer`.
///
/// # Errors
/// A config that cannot be used, or why the role failed.
pub async fn trainer(global: &Global, args: &RoleArgs) -> anyhow::Result<Exit> {
    let config: TrainerConfig = load("trainer", global, args, &named_scheduler(global))?;
    if args.print_config {
        return print(&config);
    }
    log::init_role();
    let stop = stopped()?;
    ended(
        tokio::spawn(async move { pannier_trainer::serve(config, stop).await }).await?,
        "trainer",
    )
}

/// The environment, without what is not text.
pub fn variables() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}

/// `--scheduler` says to the other roles where the scheduler is; `--set scheduler=` wins.
fn named_scheduler(global: &Global) -> Vec<String> {
    global
        .scheduler()
        .map(|url| format!("scheduler={url}"))
        .into_iter()
        .collect()
}

fn load<T: DeserializeOwned>(
    role: &str,
    global: &Global,
    args: &RoleArgs,
    first: &[String],
) -> anyhow::Result<T> {
    let file = match &global.config {
        Some(path) => {
            let name = path.display().to_string();
            let text = std::fs::read_to_string(path)
                .map_err(|e| BadUsage(format!("cannot read the config {name}: {e}")))?;
            Some((name, text))
        }
        None => None,
    };
    let sets = [first, &args.sets.set].concat();
    let file = file
        .as_ref()
        .map(|(name, text)| (name.as_str(), text.as_str()));
    layered(role, file, variables(), &sets).map_err(|e| BadUsage(e.to_string()).into())
}

fn print<T: Serialize>(config: &T) -> anyhow::Result<Exit> {
    out::lines([toml::to_string_pretty(config)?.trim_end()])?;
    Ok(Exit::Done)
}

async fn bind(address: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on {address}"))
}

/// Ready once someone asks the process to stop; who asks again need not wait for an orderly end.
fn stopped() -> anyhow::Result<impl Future<Output = ()> + Send + 'static> {
    let mut interrupts = Interrupts::listen()?;
    Ok(async move {
        interrupts.next().await;
        tokio::spawn(async move {
            interrupts.next().await;
            std::process::exit(Exit::Interrupted as i32);
        });
    })
}

fn ended<E: Display>(result: Result<(), E>, role: &str) -> anyhow::Result<Exit> {
    match result {
        Ok(()) => Ok(Exit::Done),
        Err(error) => anyhow::bail!("the {role} failed: {error}"),
    }
}
