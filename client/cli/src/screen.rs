//! Where a watched run is shown: a terminal, a pipe, JSON lines, or nowhere.

use pannier_proto::event::RunEvent;

use crate::args::Global;
use crate::out;
use crate::render::live::Live;
use crate::render::plain::Plain;
use crate::render::progress::Progress;
use crate::render::{Line, Mark};

/// What a watched run is shown on.
pub trait Show {
    /// An event came.
    fn event(&mut self, event: &RunEvent) -> anyhow::Result<()>;
    /// Something else to know.
    fn note(&mut self, text: &str);
    /// The run is over: nothing moves any more.
    fn close(&mut self) {}
}

/// Shows how steps go.
pub struct Screen {
    kind: Kind,
    progress: Progress,
    // The reader has gone away; the run goes on without one.
    deaf: bool,
}

enum Kind {
    Json,
    Quiet,
    Plain(Plain),
    Live(Box<Live>),
}

impl Screen {
    /// The screen that fits the options and the terminal.
    pub fn choose(global: &Global) -> Self {
        let kind = if global.json {
            Kind::Json
        } else if global.quiet {
            Kind::Quiet
        } else if out::is_terminal() {
            Kind::Live(Box::new(Live::new(out::colours())))
        } else {
            Kind::Plain(Plain::default())
        };
        Self {
            kind,
            progress: Progress::default(),
            deaf: false,
        }
    }

    /// Lines that stay; none as JSON.
    pub fn say(&mut self, lines: &[Line]) {
        if matches!(self.kind, Kind::Json) {
            return;
        }
        let colours = out::colours();
        self.print(
            lines
                .iter()
                .map(|line| {
                    if colours {
                        line.coloured()
                    } else {
                        line.plain()
                    }
                })
                .collect(),
        );
    }

    fn print(&mut self, lines: Vec<String>) {
        self.deaf = self.deaf || out::lines(lines).is_err();
    }
}

impl Show for Screen {
    fn event(&mut self, event: &RunEvent) -> anyhow::Result<()> {
        if self.deaf {
            return Ok(());
        }
        match &mut self.kind {
            Kind::Quiet => {}
            Kind::Json => {
                let line = serde_json::to_string(event)?;
                self.print(vec![line]);
            }
            Kind::Plain(plain) => {
                let changes = self.progress.apply(event);
                let lines: Vec<String> = changes
                    .iter()
                    .flat_map(|change| plain.lines(change, event.at_ms))
                    .collect();
                self.print(lines);
            }
            Kind::Live(live) => {
                for change in self.progress.apply(event) {
                    live.draw(&change);
                }
            }
        }
        Ok(())
    }

    fn note(&mut self, text: &str) {
        match &self.kind {
            Kind::Live(live) => live.say(&Line::new(Mark::Warn, text)),
            _ => out::note(text),
        }
    }

    fn close(&mut self) {
        if let Kind::Live(live) = &mut self.kind {
            live.clear();
        }
    }
}
