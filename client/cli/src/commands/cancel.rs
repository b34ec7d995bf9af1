//! `pannier cancel`: stops a run.

use clap::Args;

use crate::args::Global;
use crate::exit::Exit;
use crate::out;
use crate::session::{Need, ask};

/// Arguments.
#[derive(Debug, Args)]
#[command(after_help = "\
What is done stays done: `pannier retry` goes on with it.

Example:
  pannier cancel r-20260131-1")]
pub struct CancelArgs {
    /// The run
    #[arg(value_name = "RUN")]
    run: String,
}

/// Runs the command.
///
/// # Errors
/// No such run, one that has ended, or no scheduler.
pub async fn run(global: &Global, args: &CancelArgs) -> anyhow::Result<Exit> {
    let status = ask(global, Need::Past, async |client| {
        client.cancel(&args.run).await
    })
    .await?;
    if global.json {
        out::document(&status)?;
    } else if !global.quiet {
        out::lines([format!("run {} is stopping", status.run_id)])?;
    }
    Ok(Exit::Done)
}
