//! `[[check]]`: what must hold of the data, as typed rules and as SQL, and what it means where it
//! does not. It must not know how a rule is measured: that is the scheduler's part.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::rule_fields::CheckFields;

/// A check: a rule, and what it means where the rule does not hold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "CheckFields", into = "CheckFields")]
pub struct CheckSpec {
    /// Unique among the checks; for people. A check of a spec takes the place of the layout's
    /// default of the same name.
    pub name: String,
    /// What must hold.
    pub rule: CheckRule,
    /// What it means where it does not; `fail` unless given.
    pub severity: Severity,
}

/// What a check that does not hold means for the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// The run fails before any trainer is booked.
    #[default]
    Fail,
    /// The run goes on, and its report says so.
    Warn,
}

/// What must hold.
#[derive(Debug, Clone, PartialEq)]
pub enum CheckRule {
    /// A query selects the rows that offend.
    Sql {
        /// The query.
        sql: String,
        /// How many rows may offend.
        allowed: Allowed,
    },
    /// Every row of a table is tested by itself or beside others.
    Rows {
        /// The table.
        table: String,
        /// The test.
        test: RowTest,
        /// How many rows may offend.
        allowed: Allowed,
    },
    /// One number of a table lies between two bounds, both included.
    Between {
        /// The table.
        table: String,
        /// The number.
        number: TableNumber,
        /// The least allowed.
        min: Option<f64>,
        /// The most allowed.
        max: Option<f64>,
    },
    /// The newest value of a column is not too old.
    Fresh {
        /// Where the time or date is.
        column: ColumnRef,
        /// How old the newest may be.
        within: Within,
        /// Against what.
        against: Against,
    },
    /// The rejects are at most this share of rejects and transactions together.
    RejectShare {
        /// From 0 to 1.
        max_share: f64,
    },
    /// Columns have these types.
    Types {
        /// The table.
        table: String,
        /// Type of each column named.
        types: BTreeMap<String, ColumnType>,
        /// Whether the table must have no other column.
        exact: bool,
    },
    /// A number changed by at most this much since the last succeeded run of the spec's name.
    /// Without such a run the rule holds.
    Drift {
        /// The table.
        table: String,
        /// What is compared.
        of: DriftOf,
        /// The relative change of `rows` and `mean`, the share of `unseen`; at least 0.
        max_change: f64,
    },
}

/// A test that rows pass or fail.
#[derive(Debug, Clone, PartialEq)]
pub enum RowTest {
    /// The column is not null.
    NotNull {
        /// The column.
        column: String,
    },
    /// No two rows agree in these columns: rows beyond the first of each key offend. Rows with a
    /// null among the columns are left to `not-null`, as in all tests below.
    Unique {
        /// At least one column.
        columns: Vec<String>,
    },
    /// The value is one of these.
    InSet {
        /// The column.
        column: String,
        /// At least one value.
        values: Vec<CheckValue>,
    },
    /// The value lies between two bounds, both included.
    InRange {
        /// The column.
        column: String,
        /// The least allowed.
        min: Option<CheckValue>,
        /// The most allowed.
        max: Option<CheckValue>,
    },
    /// The value is found in a column of another table.
    ForeignKey {
        /// The column.
        column: String,
        /// Where its values must be.
        references: ColumnRef,
    },
    /// No row meets an SQL condition.
    None {
        /// The condition, such as `array_length(items) = 0`.
        condition: String,
    },
}

/// A number that a whole table has.
#[derive(Debug, Clone, PartialEq)]
pub enum TableNumber {
    /// Its rows.
    Rows,
    /// Different values of a column, null not counted.
    Distinct {
        /// The column.
        column: String,
    },
    /// An SQL expression of aggregates.
    Value {
        /// The expression, such as `avg(quantity)`.
        expression: String,
    },
}

/// Rows that may offend.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Allowed {
    /// So many.
    Rows(u64),
    /// This share of the table's rows, from 0 to 1, rounded down.
    Share(f64),
}

/// A column of a table, written `items.item_id`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnRef {
    /// The table.
    pub table: String,
    /// The column.
    pub column: String,
}

/// Against what the newest value is held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Against {
    /// The time at which the check runs.
    Now,
    /// The newest value of another column, which gives the same answer tomorrow.
    Newest(ColumnRef),
}

/// What a drift rule compares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DriftOf {
    /// The number of rows.
    Rows,
    /// The mean of a column.
    Mean {
        /// The column.
        column: String,
    },
    /// The share of a column's different values that the previous version did not have.
    Unseen {
        /// The column.
        column: String,
    },
}

/// A value that rows are compared with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum CheckValue {
    /// A whole number.
    Integer(i64),
    /// A finite number.
    Number(f64),
    /// A text, a date or a time.
    Text(String),
}

/// A type as people name it; each stands for several of Arrow's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ColumnType {
    /// A whole number or a text.
    Id,
    /// A text.
    Text,
    /// A whole number.
    Integer,
    /// A decimal: money.
    Decimal,
    /// A floating-point number.
    Float,
    /// A point in time.
    Timestamp,
    /// A day.
    Date,
    /// True or false.
    Boolean,
    /// A list of anything.
    List,
}

/// A span of time of whole seconds, written `36h`, `8d` or `2w`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Within {
    /// Its seconds.
    pub seconds: u64,
}

const UNITS: [(&str, u64); 5] = [
    ("w", 604_800),
    ("d", 86_400),
    ("h", 3_600),
    ("m", 60),
    ("s", 1),
];

impl FromStr for Within {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no span of time, such as 36h, 8d or 2w");
        let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let (_, unit) = UNITS
            .into_iter()
            .find(|(unit, _)| *unit == &text[digits.len()..])
            .ok_or_else(wrong)?;
        let number: u64 = digits.parse().map_err(|_| wrong())?;
        let seconds = number.checked_mul(unit).ok_or_else(wrong)?;
        Ok(Self { seconds })
    }
}

impl fmt::Display for Within {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = |(_, unit): &(&str, u64)| self.seconds.is_multiple_of(*unit);
        let (unit, of) = UNITS.into_iter().find(whole).unwrap_or(("s", 1));
        write!(f, "{}{unit}", self.seconds / of)
    }
}

impl FromStr for ColumnRef {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let filled = |(table, column): &(&str, &str)| !table.is_empty() && !column.is_empty();
        let (table, column) = text
            .split_once('.')
            .filter(filled)
            .ok_or_else(|| format!("`{text}` is no column of a table, such as items.item_id"))?;
        Ok(Self {
            table: table.to_owned(),
            column: column.to_owned(),
        })
    }
}

impl fmt::Display for ColumnRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.table, self.column)
    }
}

impl fmt::Display for CheckValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(n) => write!(f, "{n}"),
            Self::Number(n) => write!(f, "{n}"),
            Self::Text(text) => f.write_str(text),
        }
    }
}

impl ColumnType {
    /// Every type with its name in a spec.
    pub const ALL: [(&'static str, Self); 9] = [
        ("id", Self::Id),
        ("text", Self::Text),
        ("integer", Self::Integer),
        ("decimal", Self::Decimal),
        ("float", Self::Float),
        ("timestamp", Self::Timestamp),
        ("date", Self::Date),
        ("boolean", Self::Boolean),
        ("list", Self::List),
    ];

    /// Its name in a spec.
    #[must_use]
    pub fn name(self) -> &'static str {
        let named = Self::ALL.into_iter().find(|(_, t)| *t == self);
        named.map_or("id", |(name, _)| name)
    }

    /// Whether a column of this type may have a type that Arrow names so, for example
    /// `Decimal128(12, 2)`.
    #[must_use]
    pub fn fits(self, arrow: &str) -> bool {
        let any = |names: &[&str]| names.iter().any(|name| arrow.starts_with(name));
        let (texts, integers) = (["Utf8", "LargeUtf8"], ["Int", "UInt"]);
        match self {
            Self::Id => any(&texts) || any(&integers),
            Self::Text => any(&texts),
            Self::Integer => any(&integers),
            Self::Decimal => any(&["Decimal"]),
            Self::Float => any(&["Float"]),
            Self::Timestamp => any(&["Timestamp"]),
            Self::Date => any(&["Date"]),
            Self::Boolean => any(&["Boolean"]),
            Self::List => any(&["List", "LargeList"]),
        }
    }
}
