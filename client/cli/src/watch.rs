//! Watching a run until it ends: events, signals, lost connections, dying services.

use futures::StreamExt;
use pannier_proto::status::RunPhase;
use tokio::sync::mpsc;

use crate::args::Global;
use crate::exit::Exit;
use crate::out;
use crate::render::summary::{End, Summary};
use crate::screen::{Screen, Show};
use crate::session::Session;
use crate::signals::Interrupts;

/// What the first Ctrl-C does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnInterrupt {
    /// Cancels the run and goes on watching; the second one quits.
    Cancel,
    /// Stops watching; the run goes on.
    Detach,
}

/// How watching ended.
pub struct Watched {
    /// How the run ended; none where only the watching did.
    pub end: Option<End>,
    /// Whether Ctrl-C was pressed.
    pub interrupted: bool,
    /// What the run came to.
    pub summary: Summary,
}

/// Watches a run on a screen that fits, prints what came of it, and gives the exit.
///
/// # Errors
/// Where the run failed, the connection was lost, or a service of ours died.
pub async fn to_the_end(
    session: &mut Session,
    global: &Global,
    run_id: &str,
    on_interrupt: OnInterrupt,
) -> anyhow::Result<Exit> {
    let watched = shown(session, global, run_id, on_interrupt).await?;
    conclude(run_id, &watched)
}

/// Watches a run on a screen that fits, and prints what came of it.
///
/// # Errors
/// Where the connection was lost, or a service of ours died.
pub async fn shown(
    session: &mut Session,
    global: &Global,
    run_id: &str,
    on_interrupt: OnInterrupt,
) -> anyhow::Result<Watched> {
    let mut screen = Screen::choose(global);
    let watched = watch(session, run_id, 0, &mut screen, on_interrupt).await?;
    let warehouse = if watched.end.is_some() {
        session.client.info().await.ok().map(|i| i.warehouse)
    } else {
        None
    };
    if watched.end.is_some() {
        screen.say(&watched.summary.lines(run_id, warehouse.as_deref()));
    }
    Ok(watched)
}

/// The exit of a run that was watched.
///
/// # Errors
/// Where the run failed.
pub fn conclude(run_id: &str, watched: &Watched) -> anyhow::Result<Exit> {
    match &watched.end {
        Some(End::Succeeded) => Ok(Exit::Done),
        Some(End::Failed(error)) => anyhow::bail!("run {run_id} failed: {error}"),
        Some(End::Cancelled) => {
            out::note(&format!(
                "run {run_id} was cancelled; `pannier retry {run_id}` goes on with it"
            ));
            Ok(if watched.interrupted {
                Exit::Interrupted
            } else {
                Exit::Cancelled
            })
        }
        None => Ok(Exit::Interrupted),
    }
}

/// Watches a run from an offset until it ends.
///
/// # Errors
/// Where the connection is lost for good, or a service of ours died.
pub async fn watch(
    session: &mut Session,
    run_id: &str,
    from: u64,
    show: &mut dyn Show,
    on_interrupt: OnInterrupt,
) -> anyhow::Result<Watched> {
    let (notes, mut noted) = mpsc::unbounded_channel();
    let lost = notes.clone();
    let follow = session.client.follow(run_id, from).on_lost(move |error| {
        // The receiver lives as long as this function.
        drop(lost.send(format!("{error}; trying again")));
    });
    let mut events = follow.into_stream();
    let mut interrupts = Interrupts::listen()?;
    let mut watched = Watched {
        end: None,
        interrupted: false,
        summary: Summary::default(),
    };
    let mut next = from;
    loop {
        tokio::select! {
            event = events.next() => match event {
                Some(Ok(event)) => {
                    next = event.offset + 1;
                    watched.summary.apply(&event);
                    show.event(&event)?;
                }
                Some(Err(error)) => {
                    show.close();
                    return Err(error.into());
                }
                None => break,
            },
            Some(text) = noted.recv() => show.note(&text),
            () = interrupts.next() => {
                if on_interrupt == OnInterrupt::Detach {
                    show.close();
                    out::note(&format!("run {run_id} goes on; `pannier logs {run_id} --follow --from {next}` shows the rest"));
                    return Ok(Watched { interrupted: true, ..watched });
                }
                if watched.interrupted {
                    show.close();
                    std::process::exit(Exit::Interrupted as i32);
                }
                watched.interrupted = true;
                show.note(&format!("cancelling run {run_id}; Ctrl-C again quits at once"));
                cancel(session, run_id, notes.clone());
            }
            error = session.died() => {
                show.close();
                return Err(error);
            }
        }
    }
    show.close();
    watched.end = match watched.summary.end() {
        Some(end) => Some(end.clone()),
        None => end_of(session, run_id).await?,
    };
    Ok(watched)
}

/// Asks for the end of a run in the background; what goes wrong is noted.
fn cancel(session: &Session, run_id: &str, notes: mpsc::UnboundedSender<String>) {
    let (client, run_id) = (session.client.clone(), run_id.to_owned());
    tokio::spawn(async move {
        if let Err(error) = client.cancel(&run_id).await {
            drop(notes.send(format!("cannot cancel: {error}")));
        }
    });
}

/// How a run ended whose last event was not among those watched.
async fn end_of(session: &Session, run_id: &str) -> anyhow::Result<Option<End>> {
    let status = session.client.get(run_id).await?;
    Ok(match status.phase {
        RunPhase::Succeeded => Some(End::Succeeded),
        RunPhase::Failed => Some(End::Failed(
            status
                .error
                .unwrap_or_else(|| "no reason was recorded".to_owned()),
        )),
        RunPhase::Cancelled => Some(End::Cancelled),
        RunPhase::Running | RunPhase::Cancelling => None,
    })
}
