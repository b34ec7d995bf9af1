//! Raw sources: what a layout says of a raw file, and the relation made of it.
//!
//! A raw relation has the declared columns and four more: `_file`, `_line`, and, for a row that
//! could not be read, `_reason` and `_text` (then all declared columns are null). So no bad row
//! stops a job, and none is lost.

pub mod csv;
pub mod input;
pub mod parquet;
pub mod relation;

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use serde::{Deserialize, Serialize};

pub use relation::{RawPiece, RawRelation};

use crate::narrow::PIECE;

/// Form of a raw file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RawFormat {
    /// Comma-separated with a header, plain or gzipped (by the file's ending).
    Csv,
    /// Parquet.
    Parquet,
}

impl RawFormat {
    /// Whether columns and ranges of rows can be read by themselves.
    #[must_use]
    pub fn is_columnar(self) -> bool {
        matches!(self, Self::Parquet)
    }
}

/// Type of a raw column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RawType {
    /// Signed, 32 bits.
    Int32,
    /// Signed, 64 bits.
    Int64,
    /// UTF-8; the empty text is null.
    Text,
    /// A calendar day written YYYYMMDD.
    DateYmd,
    /// A moment without a zone.
    Timestamp,
    /// Money: two decimals, ten digits before them.
    Money,
}

/// Digits of money in all, and after the point.
pub const MONEY: (u8, i8) = (12, 2);

impl RawType {
    /// Arrow's type.
    #[must_use]
    pub fn arrow(self) -> DataType {
        match self {
            Self::Int32 => DataType::Int32,
            Self::Int64 => DataType::Int64,
            Self::Text => DataType::Utf8,
            Self::DateYmd => DataType::Date32,
            Self::Timestamp => {
                DataType::Timestamp(datafusion::arrow::datatypes::TimeUnit::Second, None)
            }
            Self::Money => DataType::Decimal128(MONEY.0, MONEY.1),
        }
    }
}

/// A column of a raw file, found by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawColumn {
    /// Name in the file; in SQL it is lower case.
    pub name: String,
    /// Type; what cannot be read as it makes the row a reject.
    #[serde(rename = "type")]
    pub kind: RawType,
    /// A row without a value is a reject.
    #[serde(default)]
    pub required: bool,
    /// The whole column may be missing from a file.
    #[serde(default)]
    pub optional: bool,
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
        .map(|c| Field::new(c.name.to_lowercase(), c.kind.arrow(), true))
        .collect();
    fields.push(Field::new(META[0], DataType::Utf8, false));
    fields.push(Field::new(META[1], DataType::UInt64, false));
    fields.push(Field::new(META[2], DataType::Utf8, true));
    fields.push(Field::new(META[3], DataType::Utf8, true));
    Arc::new(Schema::new(fields))
}
