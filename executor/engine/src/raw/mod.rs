//! Raw sources: what a layout says of a raw file, and the relation made of it.
//!
//! A raw relation has the declared columns and four more: `_file`, `_line`, and, for a row that
//! could not be read, `_reason` and `_text` (then all declared columns are null). So no bad row
//! stops a job, and none is lost. Whether a row is a reject depends on all declared columns, never
//! on which of them a query wants: every query over a relation sees the same rejects.
//!
//! `input` opens bytes, `read` picks the reader of a format; `csv` and `json` read rows of text,
//! `parquet` and `arrow` read columns; `value` turns text into values, `rows` and `columnar` make
//! batches of them.

mod arrow;
mod buffer;
mod column;
mod columnar;
pub mod csv;
pub mod input;
mod json;
mod parquet;
pub mod peek;
pub mod read;
pub mod relation;
mod rows;
#[cfg(test)]
mod tests;
mod value;

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use serde::{Deserialize, Serialize};

pub use column::{MONEY, RawColumn, RawType};
pub use csv::CsvDialect;
pub use read::{RawRead, Reading};
pub use relation::{RawPiece, RawRelation};

use crate::narrow::PIECE;

/// Form of a raw file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RawFormat {
    /// Fields of text between delimiters, plain or packed (by the file's ending).
    Csv,
    /// Parquet.
    Parquet,
    /// One JSON object a line, plain or packed.
    Jsonl,
    /// Arrow IPC, as a file or a stream, plain or packed.
    Arrow,
}

impl RawFormat {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Csv, Self::Parquet, Self::Jsonl, Self::Arrow];

    /// Whether columns and ranges of rows can be read by themselves.
    #[must_use]
    pub fn is_columnar(self) -> bool {
        matches!(self, Self::Parquet)
    }

    /// What specs call it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Parquet => "parquet",
            Self::Jsonl => "jsonl",
            Self::Arrow => "arrow",
        }
    }

    /// What a file's name tells of its form, `.gz` and `.zst` aside.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        let plain = [".gz", ".zst"].iter().find_map(|e| name.strip_suffix(e));
        match plain.unwrap_or(&name).rsplit_once('.')?.1 {
            "csv" | "tsv" | "txt" => Some(Self::Csv),
            "parquet" | "pq" => Some(Self::Parquet),
            "jsonl" | "ndjson" | "json" => Some(Self::Jsonl),
            "arrow" | "arrows" | "ipc" | "feather" => Some(Self::Arrow),
            _ => None,
        }
    }
}

/// Form of a relation's files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawForm {
    /// The format.
    pub format: RawFormat,
    /// How CSV is written; of no meaning to the other formats.
    #[serde(default)]
    pub csv: CsvDialect,
}

impl From<RawFormat> for RawForm {
    fn from(format: RawFormat) -> Self {
        Self {
            format,
            csv: CsvDialect::default(),
        }
    }
}

/// Names of the columns that say where a row came from.
pub const META: [&str; 4] = ["_file", "_line", "_reason", "_text"];

/// Schema of a raw relation: what readers give, and the number of the row's piece.
#[must_use]
pub fn relation_schema(columns: &[RawColumn]) -> SchemaRef {
    let mut fields = schema(columns).fields().to_vec();
    fields.push(Arc::new(Field::new(PIECE, DataType::UInt32, false)));
    Arc::new(Schema::new(fields))
}

/// Schema of what readers give.
#[must_use]
pub fn schema(columns: &[RawColumn]) -> SchemaRef {
    let mut fields: Vec<Field> = columns
        .iter()
        .map(|c| Field::new(c.sql_name(), c.kind.arrow(), true))
        .collect();
    fields.push(Field::new(META[0], DataType::Utf8, false));
    fields.push(Field::new(META[1], DataType::UInt64, false));
    fields.push(Field::new(META[2], DataType::Utf8, true));
    fields.push(Field::new(META[3], DataType::Utf8, true));
    Arc::new(Schema::new(fields))
}
