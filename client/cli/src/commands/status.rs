//! `pannier status`: one run and its steps.

use clap::Args;
use pannier_client::{Client, ClientError};

use crate::args::Global;
use crate::exit::Exit;
use crate::out;
use crate::render::status;
use crate::session::{Need, ask};

/// Arguments.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  pannier status
  pannier status r-20260131-1 --json")]
pub struct StatusArgs {
    /// The run; the newest unless given
    #[arg(value_name = "RUN")]
    run: Option<String>,
}

/// Runs the command.
///
/// # Errors
/// No such run, or no scheduler.
pub async fn run(global: &Global, args: &StatusArgs) -> anyhow::Result<Exit> {
    let (status, warehouse) = ask(global, Need::Past, async |client| {
        let status = client
            .get(&chosen(client, args.run.as_deref()).await?)
            .await?;
        Ok((status, client.info().await?.warehouse))
    })
    .await?;
    if global.json {
        out::document(&status)?;
    } else {
        out::lines(status::run(&status, out::now_ms(), Some(&warehouse)))?;
    }
    Ok(Exit::Done)
}

/// The run that was named, or the newest.
///
/// # Errors
/// `NotFound` where there are no runs.
pub async fn chosen(client: &Client, run: Option<&str>) -> Result<String, ClientError> {
    if let Some(run) = run {
        return Ok(run.to_owned());
    }
    let newest = client.list(1).await?.into_iter().next();
    newest
        .map(|r| r.run_id)
        .ok_or_else(|| ClientError::NotFound {
            text: "no runs yet; `pannier run SPEC` starts one".to_owned(),
        })
}
