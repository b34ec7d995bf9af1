//! The records of a CSV stream one after the other, and where to go on after one that cannot be
//! read (see `csv`). Must not know columns.

use std::io;

use super::split::{Fields, Places, Split, find};
use crate::raw::buffer::Buffer;

/// Most bytes of a line without quotes.
pub const MOST_LINE: usize = 1 << 20;

/// Bytes within which the quotes of a record must close.
pub const MOST_SPAN: usize = 1 << 16;

/// Bytes kept of a line that is given up.
const SHOWN: usize = 4096;

/// The mark that some programs put before UTF-8 text.
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

const NEVER_CLOSES: &str = "a quote that never closes";

/// A record.
pub enum Record<'a> {
    /// One that can be read.
    Row {
        /// The line it begins on, from 1.
        line: u64,
        /// It as it stands in the file, without the line end.
        text: &'a [u8],
        /// Its fields.
        fields: Fields<'a>,
    },
    /// A line that cannot.
    Fault {
        /// The line, from 1.
        line: u64,
        /// It as it stands in the file, or its beginning.
        text: &'a [u8],
        /// What is wrong with it.
        reason: String,
    },
}

/// What the unused bytes begin with.
enum Next {
    Row { bytes: usize, lines: u64 },
    Fault(String),
}

/// Records of a stream.
pub struct Records {
    buffer: Buffer,
    delimiter: u8,
    quote: Option<u8>,
    places: Places,
    /// Fields that each record must have, once that is known, and who says so.
    expected: Option<(usize, &'static str)>,
    /// Bytes of the record given last.
    used: usize,
    /// The line that comes next.
    line: u64,
    begun: bool,
    given_up: Vec<u8>,
}

impl Records {
    /// Of a stream.
    pub fn new(buffer: Buffer, delimiter: u8, quote: Option<u8>) -> Self {
        Self {
            buffer,
            delimiter,
            quote,
            places: Places::default(),
            expected: None,
            used: 0,
            line: 1,
            begun: false,
            given_up: Vec::new(),
        }
    }

    /// Says how many fields a record must have from now on, and in words who says so.
    pub fn expect(&mut self, fields: usize, who: &'static str) {
        self.expected = Some((fields, who));
    }

    /// The next record; empty lines are none.
    ///
    /// # Errors
    /// What the stream says.
    pub fn read(&mut self) -> io::Result<Option<Record<'_>>> {
        self.buffer.consume(std::mem::take(&mut self.used));
        if !self.skip_empty()? {
            return Ok(None);
        }
        let line = self.line;
        match self.next()? {
            Next::Row { bytes, lines } => {
                (self.used, self.line) = (bytes, line + lines);
                let text = self.buffer.rest().get(..bytes).unwrap_or_default();
                Ok(Some(Record::Row {
                    line,
                    text: without_line_end(text),
                    fields: self.places.of(text),
                }))
            }
            Next::Fault(reason) => {
                self.line = line + 1;
                self.give_up()?;
                let text = without_line_end(&self.given_up);
                Ok(Some(Record::Fault { line, text, reason }))
            }
        }
    }

    fn next(&mut self) -> io::Result<Next> {
        loop {
            let (rest, over) = (self.buffer.rest(), self.buffer.is_over());
            let fault = match self.places.split(rest, self.delimiter, self.quote, over) {
                Split::Whole { bytes, spanned } => match (self.miscounted(), spanned) {
                    (None, _) => {
                        let lines = spanned as u64 + 1;
                        return Ok(Next::Row { bytes, lines });
                    }
                    (Some(reason), 0) => reason,
                    _ => NEVER_CLOSES.to_owned(),
                },
                Split::Garbled { spanned: 0 } => "text after a closing quote".to_owned(),
                Split::Garbled { .. } => NEVER_CLOSES.to_owned(),
                Split::Part { quoted: true } if over || rest.len() >= MOST_SPAN => {
                    NEVER_CLOSES.to_owned()
                }
                Split::Part { .. } if rest.len() >= MOST_LINE => {
                    format!("a line of more than {MOST_LINE} bytes")
                }
                Split::Part { .. } => {
                    self.buffer.fill()?;
                    continue;
                }
            };
            return Ok(Next::Fault(fault));
        }
    }

    fn miscounted(&self) -> Option<String> {
        let (expected, who) = self.expected?;
        let found = self.places.len();
        (found != expected).then(|| format!("{found} fields where {who} {expected}"))
    }

    /// Goes to the next line that is not empty; false where there is none.
    fn skip_empty(&mut self) -> io::Result<bool> {
        loop {
            let (rest, over) = (self.buffer.rest(), self.buffer.is_over());
            if !self.begun && (over || rest.len() >= BYTE_ORDER_MARK.len()) {
                self.begun = true;
                if rest.starts_with(BYTE_ORDER_MARK) {
                    self.buffer.consume(BYTE_ORDER_MARK.len());
                }
                continue;
            }
            let empty = match rest {
                [b'\n', ..] => 1,
                [b'\r', b'\n', ..] => 2,
                [] | [b'\r'] if over => return Ok(false),
                [] | [b'\r'] => 0,
                _ if self.begun => return Ok(true),
                _ => 0,
            };
            if empty == 0 {
                self.buffer.fill()?;
            } else {
                self.buffer.consume(empty);
                self.line += 1;
            }
        }
    }

    /// Goes past the end of the line, keeping what is shown of it.
    fn give_up(&mut self) -> io::Result<()> {
        self.given_up.clear();
        loop {
            let rest = self.buffer.rest();
            let end = find(rest, 0, b'\n', b'\n').map(|at| at + 1);
            let line = &rest[..end.unwrap_or(rest.len())];
            let room = SHOWN.saturating_sub(self.given_up.len());
            self.given_up
                .extend_from_slice(&line[..line.len().min(room)]);
            let bytes = line.len();
            self.buffer.consume(bytes);
            if end.is_some() || self.buffer.is_over() {
                return Ok(());
            }
            self.buffer.fill()?;
        }
    }
}

fn without_line_end(text: &[u8]) -> &[u8] {
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    text.strip_suffix(b"\r").unwrap_or(text)
}
