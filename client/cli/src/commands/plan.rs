//! `pannier plan`: what a spec would run, and what is already there.

use std::path::PathBuf;

use clap::Args;

use crate::args::{Global, Sets};
use crate::exit::Exit;
use crate::out;
use crate::render::answers;
use crate::session::{Need, ask};
use crate::spec;

/// Arguments.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  pannier plan spec.toml --set prepare.min_item_baskets=10")]
pub struct PlanArgs {
    /// The spec, a TOML file
    #[arg(value_name = "SPEC")]
    spec: PathBuf,
    #[command(flatten)]
    sets: Sets,
}

/// Runs the command.
///
/// # Errors
/// A bad spec, or no scheduler.
pub async fn run(global: &Global, args: &PlanArgs) -> anyhow::Result<Exit> {
    let spec = spec::load(&args.spec, &args.sets.set)?;
    let steps = ask(global, Need::Engine, async |client| {
        client.plan(&spec.file, &spec.text).await
    })
    .await?;
    if global.json {
        out::document(&steps)?;
    } else {
        out::lines(answers::plan(&steps))?;
    }
    Ok(Exit::Done)
}
