//! What people see, as functions of data: nothing here knows a terminal, except `live`.

pub mod answers;
pub mod audience;
pub mod describe;
pub mod feeds;
pub mod format;
pub mod live;
pub mod outcome;
pub mod plain;
pub mod profile;
pub mod progress;
pub mod similar;
pub mod sql;
pub mod status;
pub mod summary;
pub mod table;
pub mod tables;

/// What a permanent line says at a glance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// Good.
    Done,
    /// Worth a look.
    Warn,
    /// Bad.
    Fail,
    /// Neither.
    Note,
}

impl Mark {
    /// One column.
    pub fn sign(self) -> char {
        match self {
            Self::Done => '✓',
            Self::Warn => '!',
            Self::Fail => '✗',
            Self::Note => ' ',
        }
    }
}

/// A line that stays on the screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// What it says at a glance.
    pub mark: Mark,
    /// The rest.
    pub text: String,
}

impl Line {
    /// A line with a mark.
    pub fn new(mark: Mark, text: impl Into<String>) -> Self {
        Self {
            mark,
            text: text.into(),
        }
    }

    /// Without colours.
    pub fn plain(&self) -> String {
        format!("{} {}", self.mark.sign(), self.text)
            .trim_end()
            .to_owned()
    }

    /// For a terminal.
    pub fn coloured(&self) -> String {
        let style = match self.mark {
            Mark::Done => console::Style::new().green(),
            Mark::Warn => console::Style::new().yellow(),
            Mark::Fail => console::Style::new().red(),
            Mark::Note => return self.plain(),
        };
        format!(
            "{} {}",
            style.force_styling(true).apply_to(self.mark.sign()),
            self.text
        )
    }
}

/// A whole made-up run: what the tests of this module draw.
#[cfg(test)]
pub mod sample;
