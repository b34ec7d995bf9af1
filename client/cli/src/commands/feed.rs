//! `pannier feed`: feeds that are written down, and their batches, asked for again.

use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use clap::{Args, Subcommand};
use pannier_client::Client;
use pannier_feed::FeedError;
use pannier_feed::digest::{Digest, Ledger, of_step};
use pannier_feed::reader::{Directory, Feed, ReaderConfig, Surroundings, Wanted};
use pannier_proto::feed::FeedSpec;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use crate::args::Global;
use crate::exit::{BadUsage, Exit};
use crate::out;
use crate::render::feeds::{self, Batch, Compared};
use crate::rows::Waiting;
use crate::session::{Need, Session, ask};
use crate::signals::Interrupts;

/// Differences that are listed; all of them are counted.
const LISTED: usize = 20;

/// Arguments.
#[derive(Debug, Args)]
#[command(after_help = "\
A FEED is written as the first characters of its digest, or as the run that uses it: RUN, or
RUN/NAME of one of its feeds or trainings.

Every batch is addressed by (epoch, step, replica) and is the same bytes wherever and whenever it is
asked for. `replay` asks for the batches of a past training again and compares each digest with the
one that the training recorded.

Example:
  pannier feed ls
  pannier feed show grocery-1b2c3d4e
  pannier feed digest 3f2a --epoch 1 --steps 10..20 --replica 0/2
  pannier feed replay grocery-1b2c3d4e/vectors --epoch 0")]
pub struct FeedArgs {
    #[command(subcommand)]
    command: FeedCommand,
}

#[derive(Debug, Subcommand)]
enum FeedCommand {
    /// List the feeds that are written down
    Ls,
    /// Show a feed: table, transform, order, who uses it, how to read it
    Show {
        /// The feed
        #[arg(value_name = "FEED")]
        feed: String,
    },
    /// Ask executors for batches and print the digest of each
    Digest {
        /// The feed
        #[arg(value_name = "FEED")]
        feed: String,
        /// Epoch, from 0
        #[arg(long, value_name = "N", default_value_t = 0)]
        epoch: u64,
        /// Steps from A up to but without B; all unless given
        #[arg(long, value_name = "A..B", value_parser = range)]
        steps: Option<Range<u64>>,
        /// Slice R, from 0, of N slices of each step
        #[arg(long, value_name = "R/N", value_parser = replica, default_value = "0/1")]
        replica: (u32, u32),
        /// Let executors make the transform instead of making it here
        #[arg(long)]
        executor: bool,
    },
    /// Ask for the batches of a past training again and compare
    Replay {
        /// The training: RUN, or RUN/NAME
        #[arg(value_name = "TRAINING")]
        training: String,
        /// This epoch only, from 0
        #[arg(long, value_name = "N")]
        epoch: Option<u64>,
        /// These steps of the epoch only
        #[arg(long, value_name = "A..B", value_parser = range, requires = "epoch")]
        steps: Option<Range<u64>>,
        /// Let executors make the transform instead of making it here
        #[arg(long)]
        executor: bool,
    },
}

fn range(text: &str) -> Result<Range<u64>, String> {
    let wrong = || "write it as A..B, for example 10..20".to_owned();
    let (from, to) = text.split_once("..").ok_or_else(wrong)?;
    let number = |n: &str| n.trim().parse::<u64>().map_err(|_| wrong());
    let (from, to) = (number(from)?, number(to)?);
    if from < to {
        Ok(from..to)
    } else {
        Err("the first step must be before the last".to_owned())
    }
}

fn replica(text: &str) -> Result<(u32, u32), String> {
    let wrong = || "write it as R/N, for example 0/2".to_owned();
    let (replica, replicas) = text.split_once('/').ok_or_else(wrong)?;
    let number = |n: &str| n.trim().parse::<u32>().map_err(|_| wrong());
    let (replica, replicas) = (number(replica)?, number(replicas)?);
    if replica < replicas {
        Ok((replica, replicas))
    } else {
        Err(format!(
            "there are {replicas} replicas, counted from 0; {replica} is none of them"
        ))
    }
}

/// Runs the command.
///
/// # Errors
/// No such feed; no scheduler; executors that do not serve.
pub async fn run(global: &Global, args: &FeedArgs) -> anyhow::Result<Exit> {
    match &args.command {
        FeedCommand::Ls => {
            let all = ask(global, Need::Past, async |client| client.feeds().await).await?;
            if global.json {
                out::document(&all)?;
            } else {
                out::lines(feeds::list(&all))?;
            }
            Ok(Exit::Done)
        }
        FeedCommand::Show { feed } => {
            let detail = ask(global, Need::Past, async |client| client.feed(feed).await).await?;
            if global.json {
                out::document(&detail)?;
            } else {
                out::lines(feeds::show(&detail))?;
            }
            Ok(Exit::Done)
        }
        FeedCommand::Digest { .. } | FeedCommand::Replay { .. } => read(global, args).await,
    }
}

/// Runs a command that reads batches; Ctrl-C ends it.
async fn read(global: &Global, args: &FeedArgs) -> anyhow::Result<Exit> {
    let mut interrupts = Interrupts::listen()?;
    let mut session = Session::open(global, Need::Past).await?;
    let reading = Reading {
        client: session.client.clone(),
        quiet: global.quiet || global.json,
    };
    let all = async {
        match &args.command {
            FeedCommand::Digest {
                feed,
                epoch,
                steps,
                replica,
                executor,
            } => {
                let wanted = |spec: &FeedSpec| {
                    let to = steps.as_ref().map_or((epoch + 1, 0), |s| (*epoch, s.end));
                    check_steps(spec, to)?;
                    Ok(Wanted {
                        from: (*epoch, steps.as_ref().map_or(0, |s| s.start)),
                        to,
                        replica: replica.0,
                        replicas: replica.1,
                    })
                };
                reading.digest(feed, wanted, !executor, global.json).await
            }
            FeedCommand::Replay {
                training,
                epoch,
                steps,
                executor,
            } => {
                let part = epoch.map(|e| (e, steps.clone()));
                reading.replay(training, part, !executor, global.json).await
            }
            FeedCommand::Ls | FeedCommand::Show { .. } => Ok(Exit::Done),
        }
    };
    let result = tokio::select! {
        done = all => done,
        () = interrupts.next() => Ok(Exit::Interrupted),
        error = session.died() => Err(error),
    };
    session.close().await;
    result
}

fn check_steps(spec: &FeedSpec, to: (u64, u64)) -> Result<(), BadUsage> {
    if to.1 > spec.steps() {
        let steps = spec.steps();
        return Err(BadUsage(format!(
            "step {} was asked for, and an epoch of this feed has {steps} (0 to {})",
            to.1 - 1,
            steps.saturating_sub(1)
        )));
    }
    Ok(())
}

/// Batches on their way here.
struct Reading {
    client: Client,
    quiet: bool,
}

impl Reading {
    fn open(&self, spec: &FeedSpec, wanted: Wanted, gathered: bool) -> Result<Feed, FeedError> {
        let directory = Directory::new(Vec::new(), Some(self.client.channel()));
        let around = Surroundings {
            directory: Arc::new(directory),
            runtime: Handle::current(),
            cancel: CancellationToken::new(),
            log: Arc::new(|line| out::note(&line)),
        };
        let config = ReaderConfig {
            gathered,
            ..ReaderConfig::default()
        };
        Feed::open(&around, &config, spec, wanted)
    }

    /// Reads what is wanted, and hands on each batch with its digest.
    async fn each(
        &self,
        spec: &FeedSpec,
        wanted: Wanted,
        gathered: bool,
        mut take: impl FnMut(Batch, Digest),
    ) -> anyhow::Result<()> {
        let waiting = Waiting::new(self.quiet, "reading", "steps");
        let steps = spec.steps();
        let place = |(epoch, step): (u64, u64)| epoch * steps + step;
        let (first, total) = (place(wanted.from), place(wanted.to) - place(wanted.from));
        let mut feed = self.open(spec, wanted, gathered)?;
        let all = async {
            while let Some(step) = feed.next_step().await? {
                let digest = of_step(step.epoch, step.step, &step.batch)?;
                waiting.tell(place((step.epoch, step.step)) + 1 - first, total);
                let batch = Batch {
                    epoch: step.epoch,
                    step: step.step,
                    rows: step.batch.num_rows() as u64,
                    bytes: step.wire_bytes,
                    digest: pannier_feed::digest::hex(&digest),
                };
                take(batch, digest);
            }
            Ok(())
        };
        tokio::select! {
            done = all => done,
            never = waiting.show() => match never {},
        }
    }

    async fn digest(
        &self,
        name: &str,
        wanted: impl Fn(&FeedSpec) -> Result<Wanted, BadUsage>,
        gathered: bool,
        json: bool,
    ) -> anyhow::Result<Exit> {
        let detail = self.client.feed(name).await?;
        let wanted = wanted(&detail.spec)?;
        let began = Instant::now();
        let (mut batches, mut ledger) = (Vec::new(), Ledger::default());
        self.each(&detail.spec, wanted, gathered, |batch, digest| {
            ledger.add(&digest);
            batches.push(batch);
        })
        .await?;
        let read = feeds::Read {
            feed: detail.info.digest,
            replica: wanted.replica,
            replicas: wanted.replicas,
            chain: ledger.chain().hex(),
            seconds: began.elapsed().as_secs_f64(),
            batches,
        };
        if json {
            out::document(&read)?;
        } else {
            out::lines(feeds::digests(&read))?;
        }
        Ok(Exit::Done)
    }

    async fn replay(
        &self,
        training: &str,
        part: Option<(u64, Option<Range<u64>>)>,
        gathered: bool,
        json: bool,
    ) -> anyhow::Result<Exit> {
        let recorded = self.client.ledger(training).await?;
        let detail = self.client.feed(&recorded.feed).await?;
        let damaged = || anyhow::anyhow!("the ledger of {training} is damaged: it is not whole");
        let ledger = Ledger::of_bytes(&recorded.digests).ok_or_else(damaged)?;
        let steps = detail.spec.steps().max(1);
        let epochs = ledger.steps() / steps;
        let wanted = match part {
            None => Wanted::epochs((0, 0), epochs),
            Some((epoch, _)) if epoch >= epochs => {
                let text = format!("the training had {epochs} epochs, counted from 0");
                return Err(BadUsage(text).into());
            }
            Some((epoch, None)) => Wanted::epochs((epoch, 0), epoch + 1),
            Some((epoch, Some(range))) => {
                let wanted = Wanted {
                    to: (epoch, range.end),
                    ..Wanted::epochs((epoch, range.start), epoch + 1)
                };
                check_steps(&detail.spec, wanted.to)?;
                wanted
            }
        };
        let mut compared = Compared {
            training: training.to_owned(),
            feed: recorded.feed,
            ..Compared::default()
        };
        self.each(&detail.spec, wanted, gathered, |batch, digest| {
            compared.steps += 1;
            let then = ledger.digest(batch.epoch * steps + batch.step);
            if then != Some(digest) {
                compared.different += 1;
                if compared.differences.len() < LISTED {
                    let then = then.as_ref().map(pannier_feed::digest::hex);
                    compared.differences.push((batch, then.unwrap_or_default()));
                }
            }
        })
        .await?;
        if json {
            out::document(&compared)?;
        } else {
            out::lines(feeds::compared(&compared))?;
        }
        Ok(if compared.different == 0 {
            Exit::Done
        } else {
            Exit::Failed
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_and_replicas_are_read() {
        assert_eq!(range("3..9"), Ok(3..9));
        assert_eq!(replica("1/2"), Ok((1, 2)));
        for wrong in ["9..3", "3", "a..b", "3..3"] {
            assert!(range(wrong).is_err(), "{wrong}");
        }
        for wrong in ["2/2", "1", "a/b", "0/0"] {
            assert!(replica(wrong).is_err(), "{wrong}");
        }
    }
}
