//! `pannier similar`: the items nearest to an item.

use clap::Args;

use crate::args::Global;
use crate::exit::Exit;
use crate::out;
use crate::render::similar;
use crate::session::{Need, ask};

/// Arguments.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  pannier similar --model grocery-vectors@champion --item PRD0900121 --top 10")]
pub struct SimilarArgs {
    /// The model: its name, name@version or name@alias
    #[arg(long)]
    model: String,
    /// The item: its id, or its name
    #[arg(long, value_name = "ID_OR_NAME")]
    item: String,
    /// How many to show
    #[arg(long, value_name = "N", default_value_t = 10)]
    top: u32,
}

/// Runs the command.
///
/// # Errors
/// No such model or item, or no scheduler.
pub async fn run(global: &Global, args: &SimilarArgs) -> anyhow::Result<Exit> {
    let question = async |client: &pannier_client::Client| {
        client.similar(&args.model, &args.item, args.top).await
    };
    let answer = ask(global, Need::Past, question).await?;
    if global.json {
        out::document(&answer)?;
    } else {
        out::lines(similar::similar(&answer))?;
    }
    Ok(Exit::Done)
}
