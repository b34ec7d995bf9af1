//! Exit codes, and which error means which.

use std::fmt;
use std::io;
use std::process::ExitCode;

use pannier_client::ClientError;

/// How the program ends. The numbers are documented in `pannier --help`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// All went well.
    Done = 0,
    /// The run or the command failed.
    Failed = 1,
    /// Bad usage, or a bad spec.
    Usage = 2,
    /// No scheduler, or the connection to it was lost.
    Connection = 3,
    /// The run was cancelled by someone else.
    Cancelled = 4,
    /// Interrupted by Ctrl-C or SIGTERM.
    Interrupted = 130,
}

impl Exit {
    /// The exit for an error; `Done` for a reader that has gone away.
    pub fn of(error: &anyhow::Error) -> Self {
        if is_broken_pipe(error) {
            return Self::Done;
        }
        if error.downcast_ref::<BadUsage>().is_some() {
            return Self::Usage;
        }
        match error.downcast_ref::<ClientError>() {
            Some(ClientError::Unreachable { .. } | ClientError::Lost { .. }) => Self::Connection,
            Some(ClientError::BadUrl { .. } | ClientError::Invalid { .. }) => Self::Usage,
            _ => Self::Failed,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Whether the error is only that nobody reads our output any more.
pub fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|e| {
        e.downcast_ref::<io::Error>()
            .is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe)
    })
}

/// The user asked for what cannot be, or the spec is wrong. May have several lines.
#[derive(Debug)]
pub struct BadUsage(pub String);

impl fmt::Display for BadUsage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for BadUsage {}

/// What is printed of an error: texts that bring their own header (specs) stay as they are.
pub fn shown(error: &anyhow::Error) -> String {
    let text = format!("{error:#}");
    if text.starts_with("error:") {
        text
    } else {
        format!("error: {text}")
    }
}

#[cfg(test)]
mod tests {
    use anyhow::{Context, anyhow};

    use super::*;

    #[test]
    fn errors_have_their_codes() {
        let lost = ClientError::Lost {
            url: "u".into(),
            reason: "r".into(),
        };
        let invalid = ClientError::Invalid {
            text: "error: unknown key\n --> a:1:1".into(),
        };
        assert_eq!(
            Exit::of(&anyhow::Error::from(lost).context("while following")),
            Exit::Connection
        );
        assert_eq!(Exit::of(&anyhow!(BadUsage("no".into()))), Exit::Usage);
        assert_eq!(Exit::of(&anyhow!("disk full")), Exit::Failed);
        let piped: anyhow::Result<()> =
            Err(io::Error::from(io::ErrorKind::BrokenPipe)).context("while printing");
        assert_eq!(piped.map_err(|e| Exit::of(&e)), Err(Exit::Done));
        assert_eq!(shown(&invalid.into()), "error: unknown key\n --> a:1:1");
        assert_eq!(
            shown(&anyhow!("no space left").context("cannot write a.csv")),
            "error: cannot write a.csv: no space left"
        );
    }
}
