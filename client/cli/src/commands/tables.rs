//! `pannier tables`: the committed tables, and all about one of them.

use clap::{Args, Subcommand};

use crate::args::Global;
use crate::exit::Exit;
use crate::out;
use crate::render::tables;
use crate::session::{Need, ask};

/// Arguments.
#[derive(Debug, Args)]
#[command(after_help = "\
The newest version of a table, marked with *, is the one that its bare name stands for in SQL.

Example:
  pannier tables
  pannier tables show baskets@3f2a")]
pub struct TablesArgs {
    #[command(subcommand)]
    command: Option<TablesCommand>,
}

#[derive(Debug, Subcommand)]
enum TablesCommand {
    /// Show a table: columns, SQL, where it came from, files
    Show {
        /// The table, or table@version; the first characters of a version will do
        #[arg(value_name = "TABLE")]
        table: String,
    },
}

/// Runs the command.
///
/// # Errors
/// No such table, or no scheduler.
pub async fn run(global: &Global, args: &TablesArgs) -> anyhow::Result<Exit> {
    match &args.command {
        None => {
            let all = ask(global, Need::Past, async |client| client.tables().await).await?;
            if global.json {
                out::document(&all)?;
            } else {
                out::lines(tables::list(&all))?;
            }
        }
        Some(TablesCommand::Show { table }) => {
            let detail = ask(global, Need::Past, async |client| client.table(table).await).await?;
            if global.json {
                out::document(&detail)?;
            } else {
                out::lines(tables::show(&detail))?;
            }
        }
    }
    Ok(Exit::Done)
}
