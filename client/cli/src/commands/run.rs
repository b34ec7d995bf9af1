//! `pannier run`: a spec from the first file to the report.

use std::path::PathBuf;

use clap::Args;
use pannier_proto::spec::SpecSource;

use crate::args::{Global, Sets};
use crate::exit::Exit;
use crate::out;
use crate::session::{Need, Session};
use crate::spec;
use crate::watch::{OnInterrupt, to_the_end};

/// Arguments.
#[derive(Debug, Args)]
#[command(after_help = "\
Ctrl-C cancels the run; a second one quits at once. What is done stays done: the same spec goes on
from there.

Example:
  pannier run spec.toml
  pannier run spec.toml --set source.path='data/*.csv.gz' --set train[0].params.epochs=2")]
pub struct RunArgs {
    /// The spec, a TOML file
    #[arg(value_name = "SPEC")]
    spec: PathBuf,
    /// The same key twice is one run
    #[arg(long)]
    key: Option<String>,
    #[command(flatten)]
    sets: Sets,
}

/// Runs the command.
///
/// # Errors
/// A bad spec, a failed run, or no scheduler.
pub async fn run(global: &Global, args: &RunArgs) -> anyhow::Result<Exit> {
    let spec = spec::load(&args.spec, &args.sets.set)?;
    let mut session = Session::open(global, Need::Training).await?;
    let exit = submit_and_watch(
        &mut session,
        global,
        &spec,
        args.key.as_deref().unwrap_or_default(),
    )
    .await;
    let waited = session.wait_for_others().await;
    session.close().await;
    exit.and_then(|exit| waited.map(|()| exit))
}

async fn submit_and_watch(
    session: &mut Session,
    global: &Global,
    spec: &SpecSource,
    key: &str,
) -> anyhow::Result<Exit> {
    let submitted = session.client.submit(&spec.file, &spec.text, key).await?;
    if !submitted.created {
        out::note(&format!(
            "the key `{key}` started run {} before; this is that run",
            submitted.run_id
        ));
    }
    to_the_end(session, global, &submitted.run_id, OnInterrupt::Cancel).await
}
