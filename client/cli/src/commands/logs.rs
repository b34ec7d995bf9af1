//! `pannier logs`: a run's events with their offsets, so that reading can go on later.

use clap::Args;
use futures::TryStreamExt;
use pannier_proto::event::RunEvent;

use crate::args::Global;
use crate::exit::Exit;
use crate::out;
use crate::render::describe;
use crate::render::format::timestamp;
use crate::screen::Show;
use crate::session::{Need, Session};
use crate::watch::{OnInterrupt, conclude, watch};

/// Arguments.
#[derive(Debug, Args)]
#[command(after_help = "\
Each line begins with its offset; --from goes on where an earlier reading stopped.

Example:
  pannier logs
  pannier logs r-20260131-1 --follow --from 120")]
pub struct LogsArgs {
    /// The run; the newest unless given
    #[arg(value_name = "RUN")]
    run: Option<String>,
    /// Go on until the run ends; the exit code is that of the run
    #[arg(long, short)]
    follow: bool,
    /// The first offset shown
    #[arg(long, value_name = "OFFSET", default_value_t = 0)]
    from: u64,
}

/// Runs the command.
///
/// # Errors
/// No such run, no scheduler, or with `--follow` a failed run.
pub async fn run(global: &Global, args: &LogsArgs) -> anyhow::Result<Exit> {
    let mut session = Session::open(global, Need::Past).await?;
    let exit = show(&mut session, global, args).await;
    session.close().await;
    exit
}

async fn show(session: &mut Session, global: &Global, args: &LogsArgs) -> anyhow::Result<Exit> {
    let run_id = super::status::chosen(&session.client, args.run.as_deref()).await?;
    let mut lines = Lines { json: global.json };
    // With services that were started for this question, no run is going on.
    if args.follow && !session.owns_services() {
        let watched = watch(session, &run_id, args.from, &mut lines, OnInterrupt::Detach).await?;
        return conclude(&run_id, &watched);
    }
    let mut events = session.client.events(&run_id, args.from).await?;
    while let Some(event) = events.try_next().await? {
        lines.event(&event)?;
    }
    Ok(Exit::Done)
}

/// Each event on one line.
struct Lines {
    json: bool,
}

impl Show for Lines {
    fn event(&mut self, event: &RunEvent) -> anyhow::Result<()> {
        let line = if self.json {
            serde_json::to_string(event)?
        } else {
            format!(
                "{:>6}  {}  {}",
                event.offset,
                timestamp(event.at_ms),
                describe::event(event)
            )
        };
        Ok(out::lines([line])?)
    }

    fn note(&mut self, text: &str) {
        out::note(text);
    }
}
