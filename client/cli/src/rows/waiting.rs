//! What is shown of a query that takes its time: on standard error, and only after a while.

use std::convert::Infallible;
use std::future::pending;
use std::io::{self, IsTerminal};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::out;
use crate::render::format::plural;

/// A query that is done by then shows nothing.
const PATIENCE: Duration = Duration::from_secs(2);
/// Between two lines where there is no terminal.
const LINES: Duration = Duration::from_secs(15);
const TICK: Duration = Duration::from_millis(120);
const QUERY: &str = "{spinner} query  {bar:20} {pos} of {len} partitions  {elapsed}";
const ROWS: &str = "{spinner} {msg}  {elapsed}";

/// How far a query is. Dropped, nothing of it stays on the screen.
pub struct Waiting {
    bar: ProgressBar,
    quiet: bool,
    /// What goes on, and what it is counted in.
    what: (&'static str, &'static str),
}

impl Waiting {
    /// Nothing to show yet, and with `quiet` never. `what` goes on, counted in `units`.
    pub fn new(quiet: bool, what: &'static str, units: &'static str) -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        Self {
            bar: bar.with_style(style(QUERY)),
            quiet,
            what: (what, units),
        }
    }

    /// So many units are done of those known.
    pub fn tell(&self, done: u64, total: u64) {
        self.bar.set_length(total);
        self.bar.set_position(done);
        let units = self.what.1;
        self.bar.set_message(format!("{done} of {total} {units}"));
    }

    /// So many rows have come.
    pub fn rows(&self, count: u64) {
        if self.bar.length().is_some() {
            self.bar.unset_length();
            self.bar.set_style(style(ROWS));
        }
        self.bar.set_message(plural(count, "row"));
    }

    /// Shows it for as long as it is polled.
    pub async fn show(&self) -> Infallible {
        if self.quiet {
            return pending().await;
        }
        if !io::stderr().is_terminal() {
            loop {
                tokio::time::sleep(LINES).await;
                out::note(&format!(
                    "the {} goes on: {}",
                    self.what.0,
                    self.bar.message()
                ));
            }
        }
        tokio::time::sleep(PATIENCE).await;
        self.bar.set_draw_target(ProgressDrawTarget::stderr());
        self.bar.enable_steady_tick(TICK);
        pending().await
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

fn style(template: &str) -> ProgressStyle {
    // The templates are constants: a wrong one would show as indicatif's own bar.
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("━╸─")
}
