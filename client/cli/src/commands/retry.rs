//! `pannier retry`: goes on with a failed or cancelled run.

use clap::Args;

use crate::args::Global;
use crate::exit::Exit;
use crate::out;
use crate::session::{Need, Session};
use crate::watch::{OnInterrupt, to_the_end};

/// Arguments.
#[derive(Debug, Args)]
#[command(after_help = "\
What is done stays done; the rest is tried again. On services inside this process the run is shown
to its end, as with `pannier run`.

Example:
  pannier retry r-20260131-1 --follow")]
pub struct RetryArgs {
    /// The run
    #[arg(value_name = "RUN")]
    run: String,
    /// Show how it goes; Ctrl-C stops showing, not the run
    #[arg(long)]
    follow: bool,
}

/// Runs the command.
///
/// # Errors
/// No such run, one that needs no retry, no scheduler, or a run that fails again.
pub async fn run(global: &Global, args: &RetryArgs) -> anyhow::Result<Exit> {
    let mut session = Session::open(global, Need::Training).await?;
    let exit = retry(&mut session, global, args).await;
    let waited = session.wait_for_others().await;
    session.close().await;
    exit.and_then(|exit| waited.map(|()| exit))
}

async fn retry(session: &mut Session, global: &Global, args: &RetryArgs) -> anyhow::Result<Exit> {
    let status = session.client.retry(&args.run).await?;
    if session.owns_services() {
        return to_the_end(session, global, &args.run, OnInterrupt::Cancel).await;
    }
    if args.follow {
        return to_the_end(session, global, &args.run, OnInterrupt::Detach).await;
    }
    if global.json {
        out::document(&status)?;
    } else if !global.quiet {
        out::lines([format!(
            "run {} goes on; `pannier logs {} --follow` shows how",
            status.run_id, status.run_id
        )])?;
    }
    Ok(Exit::Done)
}
