//! `pannier models`: what has been published.

use clap::Args;

use crate::args::Global;
use crate::exit::Exit;
use crate::out;
use crate::render::answers;
use crate::session::{Need, ask};

/// Arguments.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  pannier models --json")]
pub struct ModelsArgs {}

/// Runs the command.
///
/// # Errors
/// No scheduler.
pub async fn run(global: &Global, _args: &ModelsArgs) -> anyhow::Result<Exit> {
    let models = ask(global, Need::Past, async |client| client.models().await).await?;
    if global.json {
        out::document(&models)?;
    } else {
        out::lines(answers::models(&models))?;
    }
    Ok(Exit::Done)
}
