//! `pannier sql`: a query over the tables, as a table, JSON or CSV.

use std::io::{self, Read};

use clap::Args;
use pannier_client::{Client, ClientError, Column, Rows};

use crate::args::Global;
use crate::exit::{BadUsage, Exit};
use crate::out;
use crate::render::sql::{Row, document, table};
use crate::session::{Need, Session};

/// Cells of the table are cut to this many columns on a terminal.
const WIDEST: usize = 60;

/// Arguments.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  pannier sql \"select item_id, count(*) as n from transactions group by 1 order by 2 desc\" --limit 20
  pannier sql - --csv < query.sql > answer.csv")]
pub struct SqlArgs {
    /// The query; - reads it from standard input
    #[arg(value_name = "SQL")]
    sql: String,
    /// Rows at most; 0 for as many as the scheduler gives
    #[arg(long, value_name = "N", default_value_t = 1000)]
    limit: u32,
    /// Print CSV
    #[arg(long)]
    csv: bool,
}

/// Runs the command.
///
/// # Errors
/// `Invalid` for bad SQL; no scheduler.
pub async fn run(global: &Global, args: &SqlArgs) -> anyhow::Result<Exit> {
    if args.csv && global.json {
        return Err(BadUsage("--csv and --json exclude each other".to_owned()).into());
    }
    let query = if args.sql == "-" {
        io::read_to_string(io::stdin().take(1 << 20))?
    } else {
        args.sql.clone()
    };
    let session = Session::open(global, Need::Past).await?;
    let result = query_and_print(&session.client, &query, args, global).await;
    session.close().await;
    result.map(|()| Exit::Done)
}

async fn query_and_print(
    client: &Client,
    query: &str,
    args: &SqlArgs,
    global: &Global,
) -> anyhow::Result<()> {
    let mut rows = client.sql(query, args.limit).await?;
    if args.csv {
        return print_csv(&mut rows).await;
    }
    let (columns, all) = gathered(&mut rows).await?;
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

async fn gathered(rows: &mut Rows) -> Result<(Vec<Column>, Vec<Row>), ClientError> {
    let mut all = Vec::new();
    while let Some(block) = rows.next().await? {
        all.extend(block);
    }
    Ok((rows.columns().to_vec(), all))
}

/// Block by block: nothing is gathered. Null is an empty field.
async fn print_csv(rows: &mut Rows) -> anyhow::Result<()> {
    let mut writer = csv::Writer::from_writer(io::stdout());
    writer.write_record(rows.columns().iter().map(|c| c.name.as_str()))?;
    while let Some(block) = rows.next().await? {
        for row in block {
            writer.write_record(row.iter().map(|cell| cell.as_deref().unwrap_or_default()))?;
        }
    }
    writer.flush()?;
    if rows.truncated() {
        out::note("note: there are more rows; --limit says how many to print");
    }
    Ok(())
}
