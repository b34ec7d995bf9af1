//! The binary `pannier`: parses the command line, runs a command, and turns what came of it into
//! one sentence and an exit code.

mod args;
#[cfg(feature = "cluster")]
mod attach;
mod commands;
#[cfg(feature = "cluster")]
mod embedded;
#[cfg(not(feature = "cluster"))]
#[path = "no_cluster.rs"]
mod embedded;
mod exit;
#[cfg(any(feature = "cluster", test))]
mod lock;
mod log;
mod out;
mod render;
#[cfg(feature = "cluster")]
mod roles;
mod rows;
mod screen;
mod session;
mod signals;
mod spec;
mod watch;

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;

use crate::exit::{Exit, is_broken_pipe, shown};

/// Record batches come and go by the megabyte on many threads: the system's allocator gives each
/// back to the kernel and faults it in again, which cost more than half of the processor's time.
#[cfg(feature = "cluster")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Plans of SQL are deep trees that are walked by recursion.
const THREAD_STACK: usize = 32 << 20;
/// How long blocking work (a file being read) may go on after the command is over.
const LAST_WORDS: Duration = Duration::from_secs(2);

fn main() -> ExitCode {
    let cli = args::Cli::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_stack_size(THREAD_STACK)
        .build();
    let result = match runtime {
        Ok(runtime) => {
            let result = runtime.block_on(commands::dispatch(cli));
            runtime.shutdown_timeout(LAST_WORDS);
            result
        }
        Err(error) => Err(anyhow::Error::from(error).context("cannot start threads")),
    };
    let exit = result.unwrap_or_else(|error| {
        if !is_broken_pipe(&error) {
            out::note(&shown(&error));
        }
        Exit::of(&error)
    });
    exit.into()
}
