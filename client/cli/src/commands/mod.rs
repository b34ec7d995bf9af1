//! One module for each command: its arguments, and what it does with them.

pub mod audience;
pub mod cancel;
mod context;
pub mod feed;
pub mod gc;
pub mod generate;
pub mod list;
pub mod logs;
pub mod models;
pub mod plan;
pub mod predict;
pub mod profile;
pub mod recommend;
pub mod retry;
pub mod run;
pub mod similar;
pub mod sql;
pub mod status;
pub mod submit;
pub mod tables;
pub mod validate;
pub mod version;

use crate::args::{Cli, Command};
use crate::exit::Exit;
use crate::log;

/// Runs a command.
///
/// # Errors
/// Whatever made it fail; `Exit::of` gives the code.
pub async fn dispatch(cli: Cli) -> anyhow::Result<Exit> {
    let Cli { global, command } = cli;
    if !matches!(
        command,
        Command::Scheduler(_) | Command::Executor(_) | Command::Trainer(_)
    ) {
        log::init_quiet();
    }
    match command {
        Command::Run(args) => run::run(&global, &args).await,
        Command::Submit(args) => submit::run(&global, &args).await,
        Command::Status(args) => status::run(&global, &args).await,
        Command::List(args) => list::run(&global, &args).await,
        Command::Logs(args) => logs::run(&global, &args).await,
        Command::Cancel(args) => cancel::run(&global, &args).await,
        Command::Retry(args) => retry::run(&global, &args).await,
        Command::Validate(args) => validate::run(&global, &args).await,
        Command::Plan(args) => plan::run(&global, &args).await,
        Command::Models(args) => models::run(&global, &args).await,
        Command::Audience(args) => audience::run(&global, &args).await,
        Command::Predict(args) => predict::run(&global, &args).await,
        Command::Recommend(args) => recommend::run(&global, &args).await,
        Command::Similar(args) => similar::run(&global, &args).await,
        Command::Profile(args) => profile::run(&global, &args).await,
        Command::Sql(args) => sql::run(&global, &args).await,
        Command::Tables(args) => tables::run(&global, &args).await,
        Command::Feed(args) => feed::run(&global, &args).await,
        Command::Generate(args) => generate::run(&global, &args),
        Command::Gc(args) => gc::run(&global, &args).await,
        Command::Version(args) => version::run(&global, &args),
        #[cfg(feature = "cluster")]
        Command::Scheduler(args) => crate::roles::scheduler(&global, &args).await,
        #[cfg(feature = "cluster")]
        Command::Executor(args) => crate::roles::executor(&global, &args).await,
        #[cfg(feature = "cluster")]
        Command::Trainer(args) => crate::roles::trainer(&global, &args).await,
        #[cfg(not(feature = "cluster"))]
        Command::Scheduler(_) | Command::Executor(_) | Command::Trainer(_) => {
            Err(without_cluster("roles"))
        }
    }
}

/// What a build without the feature `cluster` says.
#[cfg(not(feature = "cluster"))]
pub fn without_cluster(what: &str) -> anyhow::Error {
    crate::exit::BadUsage(format!(
        "this build has no {what}: it was made without the feature `cluster`"
    ))
    .into()
}
