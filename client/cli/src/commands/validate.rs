//! `pannier validate`: checks a spec against its data without running it.

use std::path::PathBuf;

use clap::Args;
use pannier_client::Validation;

use crate::args::{Global, Sets};
use crate::exit::{BadUsage, Exit};
use crate::out;
use crate::session::{Need, ask};
use crate::spec;

/// Arguments.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  pannier validate spec.toml")]
pub struct ValidateArgs {
    /// The spec, a TOML file
    #[arg(value_name = "SPEC")]
    spec: PathBuf,
    #[command(flatten)]
    sets: Sets,
}

/// Runs the command.
///
/// # Errors
/// `BadUsage` with every problem of the spec; no scheduler.
pub async fn run(global: &Global, args: &ValidateArgs) -> anyhow::Result<Exit> {
    let spec = match spec::load(&args.spec, &args.sets.set) {
        Err(error) if global.json && Exit::of(&error) == Exit::Usage => {
            out::document(&Validation {
                errors: vec![error.to_string()],
                facts: vec![],
            })?;
            return Ok(Exit::Usage);
        }
        loaded => loaded?,
    };
    let found = ask(global, Need::Engine, async |client| {
        client.validate(&spec.file, &spec.text).await
    })
    .await?;
    if global.json {
        out::document(&found)?;
        return Ok(if found.errors.is_empty() {
            Exit::Done
        } else {
            Exit::Usage
        });
    }
    if !global.quiet {
        out::lines(&found.facts)?;
    }
    if !found.errors.is_empty() {
        return Err(BadUsage(found.errors.join("\n\n")).into());
    }
    if !global.quiet {
        out::lines([format!("{} is good", spec.file)])?;
    }
    Ok(Exit::Done)
}
