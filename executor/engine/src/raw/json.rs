//! Reads JSON lines: one object a line, its keys being the columns. A line that is no object is a
//! reject, and so is one whose values are not of the declared types. A key that a line lacks is a
//! null, since nothing tells a missing column from a missing value.

use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::error::Result;
use serde_json::{Map, Value};

use super::RawColumn;
use super::buffer::Buffer;
use super::csv::{MOST_LINE, find};
use super::input::{self, unreadable};
use super::read::{RawRead, Reading};
use super::rows::{Cell, Rows};

/// A file being read.
pub struct JsonRead {
    lines: JsonLines,
    rows: Rows,
    path: String,
}

/// The lines of a file.
pub(super) struct JsonLines {
    buffer: Buffer,
    used: usize,
    line: u64,
    /// The rest of the line is to be skipped: it is longer than a line may be.
    skipping: bool,
}

/// What a line holds.
pub(super) type Parsed = std::result::Result<Map<String, Value>, String>;

impl JsonLines {
    pub(super) fn open(path: &str) -> Result<Self> {
        Ok(Self {
            buffer: Buffer::new(input::stream(path)?),
            used: 0,
            line: 0,
            skipping: false,
        })
    }

    /// The next line that is not empty, with its number. Of a line that is too long it is the
    /// beginning, which is no JSON.
    pub(super) fn read(&mut self) -> std::io::Result<Option<(u64, &[u8])>> {
        loop {
            self.buffer.consume(std::mem::take(&mut self.used));
            let (rest, over) = (self.buffer.rest(), self.buffer.is_over());
            let end = find(rest, 0, b'\n', b'\n').map(|at| at + 1);
            let bytes = match end {
                Some(bytes) => bytes,
                None if over || rest.len() > MOST_LINE => rest.len(),
                None => {
                    self.buffer.fill()?;
                    continue;
                }
            };
            if bytes == 0 {
                return Ok(None);
            }
            self.used = bytes;
            let goes_on = std::mem::replace(&mut self.skipping, end.is_none());
            self.line += u64::from(!goes_on);
            if !goes_on && !rest[..bytes].trim_ascii().is_empty() {
                break;
            }
        }
        let line = self.buffer.rest().get(..self.used).unwrap_or_default();
        Ok(Some((self.line, line.trim_ascii())))
    }
}

/// Reads one line.
pub(super) fn parse(line: &[u8]) -> Parsed {
    match serde_json::from_slice(line) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err("no JSON object".to_owned()),
        Err(e) => Err(format!("not JSON: {e}")),
    }
}

impl JsonRead {
    /// Opens a file.
    ///
    /// # Errors
    /// Where it cannot be opened.
    pub fn open(path: &str, reading: Arc<Reading>) -> Result<Self> {
        Ok(Self {
            lines: JsonLines::open(path)?,
            rows: Rows::new(path, reading)?,
            path: path.to_owned(),
        })
    }
}

impl RawRead for JsonRead {
    fn next_batch(&mut self) -> Result<Option<RecordBatch>> {
        while !self.rows.is_full() {
            let Some((line, text)) = self.lines.read().map_err(|e| unreadable(&self.path, &e))?
            else {
                break;
            };
            match parse(text) {
                Err(reason) => self.rows.reject(line, text, reason),
                Ok(object) => {
                    let texts: Vec<Scalar> = self
                        .rows
                        .columns()
                        .iter()
                        .map(|column| Scalar::of(value(&object, column)))
                        .collect();
                    self.rows
                        .push(line, text, true, texts.iter().map(Scalar::cell));
                }
            }
        }
        self.rows.finish()
    }
}

/// The value of a column: under its very name, or under the name in another case.
fn value<'v>(object: &'v Map<String, Value>, column: &RawColumn) -> Option<&'v Value> {
    let in_any_case = || object.iter().find(|(key, _)| column.is_named(key));
    object
        .get(&column.name)
        .or_else(|| in_any_case().map(|(_, value)| value))
}

/// A value as the columns take it.
enum Scalar {
    Null,
    Text(String),
    Float(f64),
}

impl Scalar {
    fn of(value: Option<&Value>) -> Self {
        match value {
            None | Some(Value::Null) => Self::Null,
            Some(Value::String(text)) if text.is_empty() => Self::Null,
            Some(Value::String(text)) => Self::Text(text.clone()),
            Some(Value::Number(number)) => match number.as_f64().filter(|_| number.is_f64()) {
                Some(float) => Self::Float(float),
                None => Self::Text(number.to_string()),
            },
            Some(other) => Self::Text(other.to_string()),
        }
    }

    fn cell(&self) -> Cell<'_> {
        match self {
            Self::Null => Cell::Null,
            Self::Text(text) => Cell::Text(text.as_bytes()),
            Self::Float(value) => Cell::Float(*value),
        }
    }
}
