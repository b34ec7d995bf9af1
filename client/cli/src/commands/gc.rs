//! `pannier gc`: removes what nothing refers to any more.

use clap::Args;

use crate::args::Global;
use crate::exit::Exit;
use crate::out;
use crate::render::answers;
use crate::session::{Need, ask};

/// Arguments.
#[derive(Debug, Args)]
#[command(after_help = "\
What a manifest or an unfinished run refers to is kept.

Example:
  pannier gc --dry-run")]
pub struct GcArgs {
    /// Say what would go, and remove nothing
    #[arg(long)]
    dry_run: bool,
}

/// Runs the command.
///
/// # Errors
/// No scheduler, or a warehouse that fails.
pub async fn run(global: &Global, args: &GcArgs) -> anyhow::Result<Exit> {
    let garbage = ask(global, Need::Past, async |client| {
        client.gc(args.dry_run).await
    })
    .await?;
    if global.json {
        out::document(&garbage)?;
    } else if !global.quiet {
        out::lines(answers::garbage(&garbage, args.dry_run))?;
    }
    Ok(Exit::Done)
}
