//! `pannier recommend`: what a model recommends to a user.

use clap::Args;

use crate::args::Global;
use crate::exit::Exit;
use crate::out;
use crate::render::similar;
use crate::session::{Need, ask};

/// Arguments.
#[derive(Debug, Args)]
#[command(after_help = "\
A user whom the model has not met gets what is bought most.

Example:
  pannier recommend --model grocery-factors@champion --user CUST0000001234 --top 10")]
pub struct RecommendArgs {
    /// The model: its name, name@version or name@alias
    #[arg(long)]
    model: String,
    /// The user's id
    #[arg(long, value_name = "ID")]
    user: String,
    /// How many items to show
    #[arg(long, value_name = "N", default_value_t = 10)]
    top: u32,
    /// Leave out what the user has bought
    #[arg(long)]
    new_only: bool,
}

/// Runs the command.
///
/// # Errors
/// No such model, a model that knows no users, or no scheduler.
pub async fn run(global: &Global, args: &RecommendArgs) -> anyhow::Result<Exit> {
    let question = async |client: &pannier_client::Client| {
        let RecommendArgs {
            model,
            user,
            top,
            new_only,
        } = args;
        client.recommend(model, user, *top, *new_only).await
    };
    let answer = ask(global, Need::Past, question).await?;
    if global.json {
        out::document(&answer)?;
    } else {
        out::lines(similar::recommended(&answer, &args.user))?;
    }
    Ok(Exit::Done)
}
