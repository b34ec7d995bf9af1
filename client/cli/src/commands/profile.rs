//! `pannier profile`: what tables hold, in the terminal, as JSON or as a page.

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;

use crate::args::Global;
use crate::exit::Exit;
use crate::out;
use crate::render::profile;
use crate::session::{Need, ask};

/// Arguments.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  pannier profile
  pannier profile transactions --html transactions.html
  pannier profile baskets@1f3a --json
  pannier profile --run grocery-0a1b2c3d

A spec's source is profiled by its run; a spec without [[train]] stages, checks and profiles only.")]
pub struct ProfileArgs {
    /// A table, or one version of it as table@version; without it the source's tables
    #[arg(value_name = "TABLE")]
    table: Option<String>,
    /// As this run made it; without it the newest
    #[arg(long, value_name = "ID")]
    run: Option<String>,
    /// Also write a page with plots
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

/// Runs the command.
///
/// # Errors
/// No such table or run, a file that cannot be written, or no scheduler.
pub async fn run(global: &Global, args: &ProfileArgs) -> anyhow::Result<Exit> {
    let (table, run) = (
        args.table.as_deref().unwrap_or_default(),
        args.run.as_deref().unwrap_or_default(),
    );
    let (found, page) = ask(global, Need::Past, async |client| {
        client.profile(table, run, args.html.is_some()).await
    })
    .await?;
    if let Some(file) = &args.html {
        std::fs::write(file, page).with_context(|| format!("cannot write {}", file.display()))?;
    }
    if global.json {
        out::document(&found)?;
        return Ok(Exit::Done);
    }
    if !global.quiet {
        out::lines(profile::profile(&found))?;
        if let Some(file) = &args.html {
            out::lines([format!("page written to {}", file.display())])?;
        }
    }
    Ok(Exit::Done)
}
