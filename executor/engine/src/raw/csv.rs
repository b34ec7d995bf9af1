//! Reads a CSV file into batches; a row that cannot be read becomes a reject row, never an error.
//! Columns are found by the header's names. A file that lacks a needed column is an error.

use std::io::Read;
use std::sync::Arc;

use csv::ByteRecord;
use datafusion::arrow::array::{ArrayRef, RecordBatch, StringBuilder, UInt64Builder};
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::exec_datafusion_err;
use datafusion::error::Result;

use crate::raw::input::{self, unreadable};
use crate::raw::{RawColumn, RawType, schema};

mod column;
use column::ColumnBuilder;

/// Rows of a batch.
const BATCH_ROWS: usize = 8192;

/// A file being read.
pub struct CsvRead {
    reader: csv::Reader<Box<dyn Read + Send>>,
    record: ByteRecord,
    path: String,
    /// For each declared column its place in the file, where it has one.
    places: Vec<Option<usize>>,
    columns: Vec<RawColumn>,
    fields: usize,
    schema: SchemaRef,
}

impl CsvRead {
    /// Opens a file and reads its header.
    ///
    /// # Errors
    /// Where the file cannot be opened, or lacks a column.
    pub fn open(path: &str, columns: &[RawColumn]) -> Result<Self> {
        let source = input::stream(path)?;
        let mut reader = csv::ReaderBuilder::new()
            .flexible(true)
            .buffer_capacity(1 << 18)
            .from_reader(source);
        let header = reader.headers().map_err(|e| unreadable(path, &e))?.clone();
        let mut places = Vec::with_capacity(columns.len());
        for column in columns {
            let place = header
                .iter()
                .position(|h| h.trim().eq_ignore_ascii_case(&column.name));
            if place.is_none() && !column.optional {
                let found: Vec<&str> = header.iter().collect();
                return Err(exec_datafusion_err!(
                    "`{path}` has no column `{}`; its columns are {}",
                    column.name,
                    found.join(", ")
                ));
            }
            places.push(place);
        }
        Ok(Self {
            reader,
            record: ByteRecord::new(),
            path: path.to_owned(),
            places,
            columns: columns.to_vec(),
            fields: header.len(),
            schema: schema(columns),
        })
    }

    /// The next batch, or `None` at the end of the file.
    ///
    /// # Errors
    /// Where the file breaks off (a damaged gzip stream, say).
    pub fn next_batch(&mut self) -> Result<Option<RecordBatch>> {
        let mut builders: Vec<ColumnBuilder> = self
            .columns
            .iter()
            .map(|c| ColumnBuilder::new(c.kind, BATCH_ROWS))
            .collect();
        let mut meta = Meta::default();
        while meta.rows < BATCH_ROWS
            && self
                .reader
                .read_byte_record(&mut self.record)
                .map_err(|e| unreadable(&self.path, &e))?
        {
            let line = self.record.position().map_or(0, csv::Position::line);
            let fault = self.fault(&mut builders);
            if fault.is_some() {
                for builder in &mut builders {
                    builder.make_last_null(meta.rows);
                }
            }
            meta.push(&self.path, line, fault.map(|f| (f, text_of(&self.record))));
        }
        if meta.rows == 0 {
            return Ok(None);
        }
        let mut arrays: Vec<ArrayRef> = builders
            .into_iter()
            .map(ColumnBuilder::finish)
            .collect::<Result<_>>()?;
        arrays.extend(meta.finish());
        Ok(Some(RecordBatch::try_new(
            Arc::clone(&self.schema),
            arrays,
        )?))
    }

    /// Appends the record's fields; what is wrong with it, where something is. Builders that come
    /// after the fault are then one row short.
    fn fault(&self, builders: &mut [ColumnBuilder]) -> Option<String> {
        if self.record.len() != self.fields {
            return Some(format!(
                "{} fields where the header has {}",
                self.record.len(),
                self.fields
            ));
        }
        for ((column, place), builder) in self.columns.iter().zip(&self.places).zip(builders) {
            let field = place.and_then(|p| self.record.get(p)).unwrap_or_default();
            if field.is_empty() {
                if column.required {
                    return Some(format!("{} is empty", column.name));
                }
                builder.push_null();
            } else if let Err(wanted) = builder.push(field) {
                return Some(format!(
                    "{} is `{}`, not {wanted}",
                    column.name,
                    String::from_utf8_lossy(field)
                ));
            }
        }
        None
    }
}

/// The columns that say where rows came from.
#[derive(Default)]
struct Meta {
    rows: usize,
    file: StringBuilder,
    line: UInt64Builder,
    reason: StringBuilder,
    text: StringBuilder,
}

impl Meta {
    fn push(&mut self, path: &str, line: u64, fault: Option<(String, String)>) {
        self.rows += 1;
        self.file
            .append_value(path.rsplit('/').next().unwrap_or(path));
        self.line.append_value(line);
        let (reason, text) = fault.unzip();
        self.reason.append_option(reason);
        self.text.append_option(text);
    }

    fn finish(mut self) -> [ArrayRef; 4] {
        [
            Arc::new(self.file.finish()),
            Arc::new(self.line.finish()),
            Arc::new(self.reason.finish()),
            Arc::new(self.text.finish()),
        ]
    }
}

/// The record as text again; quoting is ours where the file's cannot be told any more.
fn text_of(record: &ByteRecord) -> String {
    let mut writer = csv::WriterBuilder::new()
        .flexible(true)
        .terminator(csv::Terminator::Any(b'\n'))
        .from_writer(Vec::new());
    let written = writer.write_byte_record(record).is_ok();
    let bytes = if written {
        writer.into_inner().unwrap_or_default()
    } else {
        Vec::new()
    };
    String::from_utf8_lossy(&bytes)
        .trim_end_matches('\n')
        .to_owned()
}

/// What a type is called in a reason.
pub(super) fn wanted(kind: RawType) -> &'static str {
    match kind {
        RawType::Int32 | RawType::Int64 => "a whole number",
        RawType::Text => "UTF-8 text",
        RawType::DateYmd => "a day written YYYYMMDD",
        RawType::Timestamp => "a moment",
        RawType::Money => "an amount with at most two decimals",
    }
}

#[cfg(test)]
mod tests;
