//! The screen of a terminal: a bar for each running step below the lines that stay.
//! The only module of `render` that draws.

use std::collections::BTreeMap;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::Line;
use super::progress::Change;

const TICK: Duration = Duration::from_millis(120);
const WITH_BAR: &str = "{spinner} {prefix}  {bar:20} {wide_msg}";
const WITHOUT_BAR: &str = "{spinner} {prefix}  {wide_msg}";

/// Draws changes.
pub struct Live {
    screen: MultiProgress,
    bars: BTreeMap<String, ProgressBar>,
    colours: bool,
}

impl Live {
    /// Draws on standard output.
    pub fn new(colours: bool) -> Self {
        let screen = MultiProgress::with_draw_target(ProgressDrawTarget::stdout());
        Self {
            screen,
            bars: BTreeMap::new(),
            colours,
        }
    }

    /// Draws a change.
    pub fn draw(&mut self, change: &Change) {
        match change {
            Change::Begin { step, label } => {
                let bar = self
                    .screen
                    .add(ProgressBar::no_length().with_style(style(WITHOUT_BAR)));
                bar.set_prefix(label.clone());
                bar.enable_steady_tick(TICK);
                if let Some(old) = self.bars.insert(step.clone(), bar) {
                    old.finish_and_clear();
                }
            }
            Change::Update {
                step,
                done,
                total,
                text,
            } => {
                if let Some(bar) = self.bars.get(step) {
                    if *total > 0 && bar.length() != Some(*total) {
                        bar.set_length(*total);
                        bar.set_style(style(WITH_BAR));
                    }
                    bar.set_position(*done);
                    bar.set_message(text.clone());
                }
            }
            Change::End { step } => {
                if let Some(bar) = self.bars.remove(step) {
                    bar.finish_and_clear();
                    self.screen.remove(&bar);
                }
            }
            Change::Say(line) => self.say(line),
        }
    }

    /// A line that stays.
    pub fn say(&self, line: &Line) {
        let text = if self.colours {
            line.coloured()
        } else {
            line.plain()
        };
        // A terminal that is gone is no reason to stop the run.
        drop(self.screen.println(text));
    }

    /// Takes the bars away.
    pub fn clear(&mut self) {
        for bar in std::mem::take(&mut self.bars).into_values() {
            bar.finish_and_clear();
        }
    }
}

fn style(template: &str) -> ProgressStyle {
    // The templates are constants: a wrong one would show as indicatif's own bar.
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("━╸─")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_are_valid() -> Result<(), indicatif::style::TemplateError> {
        ProgressStyle::with_template(WITH_BAR)?;
        ProgressStyle::with_template(WITHOUT_BAR)?;
        Ok(())
    }
}
