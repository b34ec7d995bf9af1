//! Reads a CSV file into batches; a row that cannot be read becomes a reject row, never an error.
//! Columns are found by the header's names, in any order and case; a file that lacks a needed
//! column is an error, and so is an empty one.
//!
//! A record is a line, unless a quoted field goes on over its end: then it is as many lines as it
//! takes. Quotes must close within [`MOST_SPAN`] bytes of the record's beginning, and where a field
//! ends; and a record of several lines must have as many fields as the header. Otherwise its *first
//! line alone* is a reject and reading goes on with the next line: a quote that never closes costs
//! one line and not the rest of the file. A line above [`MOST_LINE`] bytes is one reject too. Empty
//! lines are no rows.

mod records;
mod split;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::common::exec_datafusion_err;
use datafusion::error::Result;
use serde::{Deserialize, Serialize};

use super::RawColumn;
use super::buffer::Buffer;
use super::input::{self, unreadable};
use super::read::{RawRead, Reading, no_column};
use super::rows::{Cell, Rows, is_utf8};
pub(super) use records::Record;
use records::Records;
pub use records::{MOST_LINE, MOST_SPAN};
pub(super) use split::find;

/// How a CSV file is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CsvDialect {
    /// Between two fields: one byte.
    pub delimiter: u8,
    /// Around fields that hold delimiters, quotes (doubled) or line ends; none where quotes mean
    /// nothing.
    pub quote: Option<u8>,
    /// Texts that are null, besides the empty one.
    pub nulls: Vec<String>,
    /// Names of the columns by position, where files have no header.
    pub names: Option<Vec<String>>,
}

impl Default for CsvDialect {
    fn default() -> Self {
        Self {
            delimiter: b',',
            quote: Some(b'"'),
            nulls: Vec::new(),
            names: None,
        }
    }
}

/// A file being read.
pub struct CsvRead {
    records: Records,
    rows: Rows,
    path: String,
    /// For each declared column its place in the file, where it has one.
    places: Vec<Option<usize>>,
    nulls: Vec<String>,
}

/// A file's header, or the names that stand for one.
pub(super) fn open_records(path: &str, dialect: &CsvDialect) -> Result<(Records, Vec<String>)> {
    let buffer = Buffer::new(input::stream(path)?);
    let mut records = Records::new(buffer, dialect.delimiter, dialect.quote);
    if let Some(names) = &dialect.names {
        records.expect(names.len(), "the spec names");
        return Ok((records, names.clone()));
    }
    let header = records.read().map_err(|e| unreadable(path, &e))?;
    let header: Vec<String> = match header {
        None => {
            return Err(exec_datafusion_err!(
                "`{path}` is empty: it has not even a header"
            ));
        }
        Some(Record::Fault { reason, .. }) => {
            return Err(exec_datafusion_err!("the header of `{path}` has {reason}"));
        }
        Some(Record::Row { fields, .. }) => fields
            .iter()
            .map(|field| String::from_utf8_lossy(field.trim_ascii()).into_owned())
            .collect(),
    };
    records.expect(header.len(), "the header has");
    Ok((records, header))
}

impl CsvRead {
    /// Opens a file and reads its header.
    ///
    /// # Errors
    /// Where the file cannot be opened, is empty, or lacks a column.
    pub fn open(path: &str, dialect: &CsvDialect, reading: Arc<Reading>) -> Result<Self> {
        let (records, header) = open_records(path, dialect)?;
        let places = places(path, reading.columns(), &header)?;
        Ok(Self {
            records,
            rows: Rows::new(path, reading)?,
            path: path.to_owned(),
            places,
            nulls: dialect.nulls.clone(),
        })
    }
}

/// Where each declared column stands.
fn places(path: &str, columns: &[RawColumn], header: &[String]) -> Result<Vec<Option<usize>>> {
    let place = |column: &RawColumn| {
        let mut found = header
            .iter()
            .enumerate()
            .filter(|(_, h)| column.is_named(h));
        let (first, again) = (found.next().map(|(at, _)| at), found.next());
        if again.is_some() {
            return Err(exec_datafusion_err!(
                "`{path}` has two columns `{}`: which one is meant cannot be told",
                column.name
            ));
        }
        if first.is_none() && !column.optional {
            return Err(exec_datafusion_err!("{}", no_column(path, column, header)));
        }
        Ok(first)
    };
    columns.iter().map(place).collect()
}

impl RawRead for CsvRead {
    fn next_batch(&mut self) -> Result<Option<RecordBatch>> {
        while !self.rows.is_full() {
            let record = self
                .records
                .read()
                .map_err(|e| unreadable(&self.path, &e))?;
            match record {
                None => break,
                Some(Record::Fault { line, text, reason }) => self.rows.reject(line, text, reason),
                Some(Record::Row { line, text, fields }) => {
                    let nulls = &self.nulls;
                    let cell = |place: &Option<usize>| match place.and_then(|at| fields.get(at)) {
                        None | Some([]) => Cell::Null,
                        Some(field) if nulls.iter().any(|n| n.as_bytes() == field) => Cell::Null,
                        Some(field) => Cell::Text(field),
                    };
                    let cells = self.places.iter().map(cell);
                    self.rows.push(line, text, is_utf8(text), cells);
                }
            }
        }
        self.rows.finish()
    }
}
