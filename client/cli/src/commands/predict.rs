//! `pannier predict`: everybody's lists of a published model.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Args, value_parser};
use pannier_client::{Client, PredictAsked};

use crate::args::{Global, Sets};
use crate::exit::Exit;
use crate::out;
use crate::render::summary::Lists;
use crate::rows::{Format, Waiting, write};
use crate::session::{Need, Session};
use crate::watch::{OnInterrupt, conclude, shown};

/// Arguments.
#[derive(Debug, Args)]
#[command(after_help = "\
Nothing is trained. The source is read as it is now, baskets are encoded with the model's own vocab,
nothing is held out, and every user gets a list: rank, item, score (a probability where the model
gives one), whether the user has bought it, and whether the model knows any of the user's items; a
list of a user of whom it knows none is what is bought most. Tables and lists that are there already
are not made again.

The lists are a table, recommendations_<model> with _ for -, which `pannier recommend` answers from:
  pannier sql \"select * from recommendations_next_basket_next where rank = 1\"

Ctrl-C cancels the run.

Example:
  pannier predict --model next-basket-next@champion --top 20
  pannier predict --model next-basket-next --set source.path='data/*.csv.gz' -o lists.parquet")]
pub struct PredictArgs {
    /// The model: its name, name@version or name@alias
    #[arg(long)]
    model: String,
    /// Items of a list; as `[recommend]` of the model's spec says, or 10
    #[arg(long, value_name = "N", value_parser = value_parser!(u32).range(1..=1000))]
    top: Option<u32>,
    /// Leave out what a user has bought; as `[recommend]` of the model's spec says
    #[arg(long)]
    new_only: bool,
    /// Write the lists to a file too, in the format of its ending: .parquet, .csv, .jsonl
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// The same key twice is one run
    #[arg(long)]
    key: Option<String>,
    #[command(flatten)]
    sets: Sets,
}

/// Runs the command.
///
/// # Errors
/// No such model, one that ranks for baskets, a source that is gone, a failed run, or no scheduler.
pub async fn run(global: &Global, args: &PredictArgs) -> anyhow::Result<Exit> {
    let format = args.output.as_deref().map(Format::of).transpose()?;
    let mut session = Session::open(global, Need::Trained).await?;
    let exit = predicted(&mut session, global, args, format).await;
    let waited = session.wait_for_others().await;
    session.close().await;
    exit.and_then(|exit| waited.map(|()| exit))
}

async fn predicted(
    session: &mut Session,
    global: &Global,
    args: &PredictArgs,
    format: Option<Format>,
) -> anyhow::Result<Exit> {
    let key = args.key.clone().unwrap_or_default();
    let asked = PredictAsked {
        model: args.model.clone(),
        top: args.top,
        new_only: args.new_only.then_some(true),
        key: key.clone(),
        sets: args.sets.set.clone(),
    };
    let submitted = session.client.predict(asked).await?;
    let run = &submitted.run_id;
    if !submitted.created {
        out::note(&format!(
            "the key `{key}` started run {run} before; this is that run"
        ));
    }
    let watched = shown(session, global, run, OnInterrupt::Cancel).await?;
    let exit = conclude(run, &watched)?;
    if exit == Exit::Done
        && let (Some(format), Some(path)) = (format, &args.output)
    {
        let lists = watched.summary.lists().first();
        let lists = lists.context("the run made no lists")?;
        save(&session.client, lists, format, path, global).await?;
    }
    Ok(exit)
}

/// Writes the lists to a file, user after user.
async fn save(
    client: &Client,
    lists: &Lists,
    format: Format,
    path: &Path,
    global: &Global,
) -> anyhow::Result<()> {
    let Lists { table, version, .. } = lists;
    let query = format!("select * from {table}@{version} order by user_id, rank");
    let waiting = Waiting::new(global.quiet, "query", "partitions");
    let all = async {
        let rows = client.sql(&query, 0, |d, t| waiting.tell(d, t)).await?;
        write(rows, format, Some(path), &waiting).await
    };
    tokio::select! {
        done = all => done,
        never = waiting.show() => match never {},
    }
}
