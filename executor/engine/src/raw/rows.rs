//! Makes batches of rows of text: what is a null, what makes a row a reject. The readers of CSV
//! and JSON say what stands in a row; which bytes those are is theirs.

use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::error::Result;

use super::RawColumn;
use super::read::{BATCH_ROWS, Fault, Lines, Origin, Reading};
use super::value::Values;

/// Most bytes of a rejected row that are kept.
const TEXT: usize = 4096;

/// Rows while a batch is read.
pub struct Rows {
    reading: Arc<Reading>,
    origin: Origin,
    values: Vec<Values>,
    lines: Vec<u64>,
    faults: Vec<Fault>,
}

/// A value of a row.
#[derive(Debug, Clone, Copy)]
pub enum Cell<'a> {
    /// None.
    Null,
    /// A text that is not empty; not necessarily UTF-8.
    Text(&'a [u8]),
    /// A number that the source holds as a float.
    Float(f64),
}

impl Rows {
    /// Rows of a file.
    ///
    /// # Errors
    /// Where a column's `format` cannot be read.
    pub fn new(path: &str, reading: Arc<Reading>) -> Result<Self> {
        let columns = reading.columns().iter().enumerate();
        let values = columns
            .map(|(at, column)| Values::new(column, reading.wants(at)))
            .collect::<Result<_>>()?;
        Ok(Self {
            values,
            reading,
            origin: Origin::new(path),
            lines: Vec::with_capacity(BATCH_ROWS),
            faults: Vec::new(),
        })
    }

    /// The declared columns.
    pub fn columns(&self) -> &[RawColumn] {
        self.reading.columns()
    }

    /// Whether the batch has as many rows as one may have.
    pub fn is_full(&self) -> bool {
        self.lines.len() >= BATCH_ROWS
    }

    /// Appends a row: the value of each declared column, and the row as it stands in the file.
    /// `utf8` says that all of it is known to be UTF-8.
    pub fn push<'a>(
        &mut self,
        line: u64,
        text: &[u8],
        utf8: bool,
        cells: impl Iterator<Item = Cell<'a>>,
    ) {
        let columns = self.reading.columns().iter();
        let mut fault = None;
        for ((column, values), cell) in columns.zip(&mut self.values).zip(cells) {
            let pushed = match cell {
                Cell::Null if column.required => {
                    fault = Some(format!("{} is empty", column.name));
                    break;
                }
                Cell::Null => {
                    values.push_null();
                    continue;
                }
                Cell::Text(bytes) if !utf8 && values.is_text() && !is_utf8(bytes) => {
                    Err(super::value::Refused)
                }
                Cell::Text(bytes) => values.push(bytes),
                Cell::Float(value) => values.push_float(value),
            };
            if pushed.is_err() {
                fault = Some(misread(column, &cell));
                break;
            }
        }
        match fault {
            Some(reason) => self.reject(line, text, reason),
            None => self.lines.push(line),
        }
    }

    /// Appends a row that cannot be read.
    pub fn reject(&mut self, line: u64, text: &[u8], reason: String) {
        let row = self.lines.len();
        for values in &mut self.values {
            values.end_row(row);
        }
        self.lines.push(line);
        let shown = &text[..text.len().min(TEXT)];
        self.faults.push(Fault {
            row,
            reason,
            text: String::from_utf8_lossy(shown).into_owned(),
        });
    }

    /// The rows so far as a batch; `None` where there are none.
    ///
    /// # Errors
    /// Where the arrays do not fit the schema.
    pub fn finish(&mut self) -> Result<Option<RecordBatch>> {
        if self.lines.is_empty() {
            return Ok(None);
        }
        let (reading, values) = (&self.reading, &mut self.values);
        let batch = reading.batch(
            self.lines.len(),
            &mut self.origin,
            Lines::At(&self.lines),
            &self.faults,
            |at| values[at].finish(),
        )?;
        for (at, values) in self.values.iter_mut().enumerate() {
            if !self.reading.wants(at) {
                values.clear();
            }
        }
        self.lines.clear();
        self.faults.clear();
        Ok(Some(batch))
    }
}

/// Whether bytes are UTF-8; quick where they are ASCII.
pub fn is_utf8(bytes: &[u8]) -> bool {
    bytes.is_ascii() || str::from_utf8(bytes).is_ok()
}

fn misread(column: &RawColumn, cell: &Cell<'_>) -> String {
    let text = match cell {
        Cell::Null => String::new(),
        Cell::Text(bytes) => String::from_utf8_lossy(&bytes[..bytes.len().min(TEXT)]).into_owned(),
        Cell::Float(value) => value.to_string(),
    };
    format!("{} is `{text}`, not {}", column.name, column.wanted())
}
