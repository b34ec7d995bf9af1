//! `pannier submit`: a spec for a scheduler that goes on without us.

use std::path::PathBuf;

use clap::Args;

use crate::args::{Global, Sets};
use crate::exit::Exit;
use crate::out;
use crate::session::{Need, Session};
use crate::spec;
use crate::watch::{OnInterrupt, to_the_end};

/// Arguments.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  pannier submit spec.toml --scheduler http://scheduler:50050 --key nightly-2026-01-31
  pannier submit spec.toml --follow")]
pub struct SubmitArgs {
    /// The spec, a TOML file
    #[arg(value_name = "SPEC")]
    spec: PathBuf,
    /// The same key twice is one run
    #[arg(long)]
    key: Option<String>,
    /// Show how it goes; Ctrl-C stops showing, not the run
    #[arg(long)]
    follow: bool,
    #[command(flatten)]
    sets: Sets,
}

/// Runs the command.
///
/// # Errors
/// A bad spec, no scheduler, or with `--follow` a failed run.
pub async fn run(global: &Global, args: &SubmitArgs) -> anyhow::Result<Exit> {
    let spec = spec::load(&args.spec, &args.sets.set)?;
    let mut session = Session::open(global, Need::Running).await?;
    let submitted = session
        .client
        .submit(
            &spec.file,
            &spec.text,
            args.key.as_deref().unwrap_or_default(),
        )
        .await?;
    if args.follow {
        return to_the_end(&mut session, global, &submitted.run_id, OnInterrupt::Detach).await;
    }
    if global.json {
        out::document(&submitted)?;
    } else if global.quiet {
        out::lines([&submitted.run_id])?;
    } else {
        let word = if submitted.created {
            "accepted"
        } else {
            "was accepted before"
        };
        out::lines([format!(
            "run {} {word}; `pannier logs {} --follow` shows how it goes",
            submitted.run_id, submitted.run_id
        )])?;
    }
    Ok(Exit::Done)
}
