//! `pannier sql`: a query over the tables, onto the screen or into a file.

use std::fs;
use std::io::{self, Read};
use std::path::PathBuf;

use clap::Args;
use pannier_client::{Client, Rows};

use crate::args::Global;
use crate::exit::{BadUsage, Exit};
use crate::out;
use crate::render::sql::{Column, Row, cells, columns, document, table};
use crate::rows::{Format, Waiting, write};
use crate::session::{Need, Session};
use crate::signals::Interrupts;

/// Cells of the table are cut to this many columns on a terminal.
const WIDEST: usize = 60;
/// Rows of an answer that is gathered before it is shown.
const SHOWN: u64 = 1000;
/// Bytes of a query's text.
const LONGEST: u64 = 1 << 20;

/// Arguments.
#[derive(Debug, Args)]
#[command(after_help = "\
A name stands for a table's newest version; baskets@3f2a for the one that begins like this
(`pannier tables` lists them). tables.baskets is the same as baskets.

The answer is printed as a table, or written as Parquet, CSV or JSON lines as it comes. A file is
there once it is whole. Ctrl-C cancels the query on the cluster.

Example:
  pannier sql \"select item_id, count(*) as n from transactions group by 1 order by 2 desc\" --limit 20
  pannier sql \"select * from baskets@3f2a where user_id is not null\" -o baskets.parquet
  pannier sql -f query.sql --format csv > answer.csv")]
pub struct SqlArgs {
    /// The query; - reads it from standard input
    #[arg(
        value_name = "SQL",
        required_unless_present = "file",
        conflicts_with = "file"
    )]
    sql: Option<String>,
    /// Read the query from a file
    #[arg(short, long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Write the rows to a file, in the format of its ending: .parquet, .csv, .jsonl
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Format of the rows
    #[arg(long, value_name = "FORMAT")]
    format: Option<Format>,
    /// The same as --format csv
    #[arg(long, conflicts_with = "format")]
    csv: bool,
    /// Rows at most; 0 for all. 1000 where a table or --json is printed, otherwise all
    #[arg(long, value_name = "N")]
    limit: Option<u64>,
}

impl SqlArgs {
    fn text(&self) -> anyhow::Result<String> {
        match (&self.file, self.sql.as_deref()) {
            (Some(path), _) => fs::read_to_string(path)
                .map_err(|e| BadUsage(format!("cannot read {}: {e}", path.display())).into()),
            (None, Some("-") | None) => Ok(io::read_to_string(io::stdin().take(LONGEST))?),
            (None, Some(text)) => Ok(text.to_owned()),
        }
    }

    /// The format asked for, by name or by the file's ending; none where the answer is printed.
    fn format(&self, json: bool) -> Result<Option<Format>, BadUsage> {
        let named = self.csv.then_some(Format::Csv).or(self.format);
        if json && (named.is_some() || self.output.is_some()) {
            let text = "--json prints one document: it goes with none of --csv, --format and -o";
            return Err(BadUsage(text.to_owned()));
        }
        match (named, &self.output) {
            (Some(Format::Parquet), None) => {
                Err(BadUsage("parquet goes to a file: add -o FILE".into()))
            }
            (None, Some(path)) => Format::of(path).map(Some),
            _ => Ok(named),
        }
    }
}

/// Runs the command.
///
/// # Errors
/// `Invalid` for bad SQL; no scheduler; a file that cannot be written.
pub async fn run(global: &Global, args: &SqlArgs) -> anyhow::Result<Exit> {
    let format = args.format(global.json)?;
    let text = args.text()?;
    let mut interrupts = Interrupts::listen()?;
    let mut session = Session::open(global, Need::Past).await?;
    let client = session.client.clone();
    // Whichever ends the waiting, the query is dropped, which cancels it.
    let result = tokio::select! {
        done = ask(&client, &text, args, format, global) => done.map(|()| Exit::Done),
        () = interrupts.next() => {
            out::note("interrupted; the query is cancelled");
            Ok(Exit::Interrupted)
        }
        error = session.died() => Err(error),
    };
    session.close().await;
    result
}

async fn ask(
    client: &Client,
    text: &str,
    args: &SqlArgs,
    format: Option<Format>,
    global: &Global,
) -> anyhow::Result<()> {
    let waiting = Waiting::new(global.quiet, "query", "partitions");
    let limit = args
        .limit
        .unwrap_or(if format.is_some() { 0 } else { SHOWN });
    let all = async {
        let rows = client.sql(text, limit, |d, t| waiting.tell(d, t)).await?;
        match format {
            None => print(rows, global).await,
            Some(format) => write(rows, format, args.output.as_deref(), &waiting).await,
        }
    };
    tokio::select! {
        done = all => done,
        never = waiting.show() => match never {},
    }
}

/// Prints a table or a document: all of it is gathered.
async fn print(mut rows: Rows, global: &Global) -> anyhow::Result<()> {
    let columns: Vec<Column> = columns(&rows.schema());
    let mut all: Vec<Row> = Vec::new();
    while let Some(batch) = rows.next().await? {
        all.extend(cells(&batch)?);
    }
    if global.json {
        return out::document(&document(&columns, &all, rows.truncated()));
    }
    let widest = if out::is_terminal() {
        WIDEST
    } else {
        usize::MAX
    };
    Ok(out::lines(table(&columns, &all, rows.truncated(), widest))?)
}
