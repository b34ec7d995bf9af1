//! What a layout declares of a raw column: name, type, and what makes its row a reject. Must not
//! read anything.

use datafusion::arrow::datatypes::{DataType, TimeUnit};
use serde::{Deserialize, Serialize};

use super::value::time::Form;

/// Type of a raw column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RawType {
    /// Signed, 32 bits; a whole number written as a float (`3.0`) is one.
    Int32,
    /// Signed, 64 bits; a whole number written as a float is one.
    Int64,
    /// A finite 64-bit float.
    Float64,
    /// `true` or `false`, `t` or `f`, `yes` or `no`, `y` or `n`, `1` or `0`, in any case.
    Bool,
    /// UTF-8; the empty text is null.
    Text,
    /// An id that is an integer, also where it is written as a float: `749534.0`, `7.49534E5`.
    Id,
    /// An id that is any text; an integer written as a float (with a point) is that integer's text.
    IdText,
    /// A calendar day written `YYYY-MM-DD` or `YYYYMMDD`.
    Date,
    /// A calendar day written `YYYYMMDD`.
    DateYmd,
    /// A moment in whole seconds of UTC: `2019-10-01 00:00:00`, with `T`, a fraction (cut off),
    /// `Z`, ` UTC` or an offset; a day alone; or seconds since 1970 (nine digits or more).
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
            Self::Int64 | Self::Id => DataType::Int64,
            Self::Float64 => DataType::Float64,
            Self::Bool => DataType::Boolean,
            Self::Text | Self::IdText => DataType::Utf8,
            Self::Date | Self::DateYmd => DataType::Date32,
            Self::Timestamp => DataType::Timestamp(TimeUnit::Second, None),
            Self::Money => DataType::Decimal128(MONEY.0, MONEY.1),
        }
    }
}

/// A column of a raw file, found by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawColumn {
    /// Name in the file, in any case.
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
    /// Name in SQL; the name in lower case unless given.
    #[serde(default, rename = "as")]
    pub alias: Option<String>,
    /// How dates and moments are written, in the letters of `strftime`, or `epoch` or
    /// `epoch-millis`; the type's own forms unless given.
    #[serde(default)]
    pub format: Option<String>,
    /// Money with more than two decimals is rounded, half away from zero, instead of refused.
    #[serde(default)]
    pub round: bool,
}

impl RawColumn {
    /// A column that may be null and must be there.
    #[must_use]
    pub fn new(name: impl Into<String>, kind: RawType) -> Self {
        Self {
            name: name.into(),
            kind,
            required: false,
            optional: false,
            alias: None,
            format: None,
            round: false,
        }
    }

    /// Its name in SQL.
    #[must_use]
    pub fn sql_name(&self) -> String {
        self.alias
            .clone()
            .unwrap_or_else(|| self.name.to_lowercase())
    }

    /// Whether a file's column of this name is meant. A column without a name is in no file.
    #[must_use]
    pub fn is_named(&self, name: &str) -> bool {
        !self.name.is_empty() && name.trim().eq_ignore_ascii_case(&self.name)
    }

    /// Whether its `format` can be read.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self) -> Result<(), String> {
        Form::parse(self.format.as_deref()).map(|_| ())
    }

    /// What a value should have been, for a reason.
    #[must_use]
    pub fn wanted(&self) -> String {
        if let Some(format) = &self.format {
            return format!("a moment written `{format}`");
        }
        match self.kind {
            RawType::Int32 | RawType::Int64 => "a whole number",
            RawType::Float64 => "a number",
            RawType::Bool => "true or false",
            RawType::Text => "UTF-8 text",
            RawType::Id => "an integer id",
            RawType::IdText => "an id",
            RawType::Date => "a day written YYYY-MM-DD or YYYYMMDD",
            RawType::DateYmd => "a day written YYYYMMDD",
            RawType::Timestamp => "a moment",
            RawType::Money if self.round => "an amount",
            RawType::Money => "an amount with at most two decimals",
        }
        .to_owned()
    }
}
