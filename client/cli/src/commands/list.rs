//! `pannier list`: runs, newest first.

use clap::Args;

use crate::args::Global;
use crate::exit::Exit;
use crate::out;
use crate::render::status;
use crate::session::{Need, ask};

/// Arguments.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  pannier list --limit 5")]
pub struct ListArgs {
    /// Runs at most
    #[arg(long, default_value_t = 20, value_name = "N")]
    limit: u32,
}

/// Runs the command.
///
/// # Errors
/// No scheduler.
pub async fn run(global: &Global, args: &ListArgs) -> anyhow::Result<Exit> {
    let runs = ask(global, Need::Past, async |client| {
        client.list(args.limit).await
    })
    .await?;
    if global.json {
        out::document(&runs)?;
    } else {
        out::lines(status::runs(&runs, out::now_ms()))?;
    }
    Ok(Exit::Done)
}
