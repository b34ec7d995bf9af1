//! Standard output and error. A reader that goes away is an error value, never a panic.

use std::io::{self, IsTerminal, Write};

use serde::Serialize;

/// Prints lines on standard output.
pub fn lines<L: AsRef<str>>(lines: impl IntoIterator<Item = L>) -> io::Result<()> {
    let mut out = io::stdout().lock();
    for line in lines {
        writeln!(out, "{}", line.as_ref())?;
    }
    out.flush()
}

/// Prints one JSON document on standard output.
pub fn document<T: Serialize + ?Sized>(value: &T) -> anyhow::Result<()> {
    Ok(lines([serde_json::to_string_pretty(value)?])?)
}

/// A line for people on standard error.
pub fn note(text: &str) {
    // There is nowhere left to say that standard error is gone.
    drop(writeln!(io::stderr(), "{text}"));
}

/// Whether standard output is a terminal.
pub fn is_terminal() -> bool {
    io::stdout().is_terminal()
}

/// Whether colours are wanted there: <https://no-color.org>.
pub fn colours() -> bool {
    is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty())
}

/// Milliseconds since 1970.
pub fn now_ms() -> i64 {
    chrono::Utc::now().timestamp_millis()
}
