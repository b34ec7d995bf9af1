//! `pannier recommend`: what a model recommends to a user.

use clap::Args;
use pannier_client::RecommendAsked;

use super::context;
use crate::args::Global;
use crate::exit::Exit;
use crate::out;
use crate::render::similar;
use crate::session::{Need, ask};

/// Arguments.
#[derive(Debug, Args)]
#[command(after_help = "\
A user whom the model has not met gets what goes with the items of --item, and without any what is
bought most. A model that decides in a context takes what is not said of it from the user's last
known one, and scores a user whom it has not met as any user.

A model of sequences of baskets (attention-lstm) answers from its newest lists, those of a run with
[recommend] or of `pannier predict`.

Example:
  pannier recommend --model grocery-factors@champion --user CUST0000001234 --top 10
  pannier recommend --model shop-wide --user 541312140 --context page_views=10,session_time=714
  pannier recommend --model grocery-factors@champion --item PRD0900121 --item PRD0901265 --new-only")]
pub struct RecommendArgs {
    /// The model: its name, name@version or name@alias
    #[arg(long)]
    model: String,
    /// The user's id; may be left out with --item
    #[arg(
        long,
        value_name = "ID",
        required_unless_present = "item",
        default_value = "",
        hide_default_value = true
    )]
    user: String,
    /// An item of a user whom the model has not met, by id or name; may be given several times
    #[arg(long, value_name = "ITEM")]
    item: Vec<String>,
    /// What is known of the moment, for a model that decides in a context: NAME=NUMBER,...
    #[arg(long, value_name = "NAME=NUMBER", value_delimiter = ',', value_parser = context::value)]
    context: Vec<(String, f64)>,
    /// How many items to show
    #[arg(long, value_name = "N", default_value_t = 10)]
    top: u32,
    /// Leave out what the user has bought, and the items of --item
    #[arg(long)]
    new_only: bool,
}

impl RecommendArgs {
    fn asked(&self) -> RecommendAsked {
        RecommendAsked {
            model: self.model.clone(),
            user_id: self.user.clone(),
            items: self.item.clone(),
            context: self.context.iter().cloned().collect(),
            top: self.top,
            new_only: self.new_only,
        }
    }
}

/// Runs the command.
///
/// # Errors
/// No such model, a model that knows no users, or no scheduler.
pub async fn run(global: &Global, args: &RecommendArgs) -> anyhow::Result<Exit> {
    let question = async |client: &pannier_client::Client| client.recommend(args.asked()).await;
    let answer = ask(global, Need::Past, question).await?;
    if global.json {
        out::document(&answer)?;
    } else {
        out::lines(similar::recommended(&answer, &args.user, &args.item))?;
    }
    Ok(Exit::Done)
}
