//! What happened to the data before any training: tables, rejects, checks, split.
//! It must not know how any of it is shown.

use serde::{Deserialize, Serialize};

/// One table the run made or found.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct TableRow {
    /// The table's name.
    pub name: String,
    /// Its version (content hash, hex); the page shows the first 12 characters.
    pub version: String,
    /// Rows in it.
    pub rows: u64,
    /// Bytes of its Parquet files.
    pub bytes: u64,
    /// Parts (files) it has.
    pub parts: u64,
    /// Seconds spent making it; ignored where it was skipped.
    pub seconds: f64,
    /// True where this version was already there, so nothing ran.
    pub skipped: bool,
    /// Rows read to make it; with `seconds` this gives source rows per second.
    pub source_rows: Option<u64>,
}

/// Rows the reading of the source left out or counted.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Rejects {
    /// Rows in the source; every share is of this number.
    pub rows_read: u64,
    /// The share of rejected rows at which the run would have stopped, as a fraction.
    pub threshold: Option<f64>,
    /// Rows by reason.
    pub reasons: Vec<RejectReason>,
    /// A few of these rows as they stood in the source.
    pub samples: Vec<RejectSample>,
}

impl Rejects {
    /// Rows that were left out.
    #[must_use]
    pub fn rejected(&self) -> u64 {
        self.reasons
            .iter()
            .filter(|reason| reason.action == RowAction::Rejected)
            .map(|reason| reason.rows)
            .fold(0, u64::saturating_add)
    }
}

/// One reason and how many rows had it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RejectReason {
    /// In words, such as `quantity is 0`.
    pub reason: String,
    /// What was done with the row.
    pub action: RowAction,
    /// Rows with this reason.
    pub rows: u64,
}

/// What was done with a row that stood out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RowAction {
    /// Left out of every table but `rejects`.
    Rejected,
    /// Left out of every table: it can be read and is not wanted.
    LeftOut,
    /// Kept, and counted here.
    Noted,
}

/// One source row as it was read.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct RejectSample {
    /// The source file.
    pub file: String,
    /// Line in that file, counted from 1.
    pub line: u64,
    /// Why it is here.
    pub reason: String,
    /// The row's text.
    pub text: String,
}

/// One `[[check]]` of the spec and what it found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Check {
    /// The check's name.
    pub name: String,
    /// What must hold, in words.
    pub rule: String,
    /// What it means where it does not hold.
    pub severity: Severity,
    /// What came out.
    pub outcome: CheckOutcome,
    /// What was found and what is allowed, in words.
    pub found: String,
    /// A few rows that offend.
    pub sample: Option<SampleRows>,
}

/// What a check that does not hold leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The run goes on.
    Warn,
    /// The run stops before any trainer is booked.
    Fail,
}

/// What came out of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckOutcome {
    /// It holds.
    Passed,
    /// It does not hold, and the run went on.
    Warned,
    /// It does not hold, and the run stopped.
    Failed,
}

/// A few rows of a query, as text.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct SampleRows {
    /// Column names.
    pub columns: Vec<String>,
    /// Rows, each with one text for each column.
    pub rows: Vec<Vec<String>>,
}

/// How the data were split before anything was learned.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Split {
    /// How, in words, such as `last basket of each user`.
    pub by: String,
    /// Train, valid and test, in this order.
    pub parts: Vec<SplitPart>,
    /// What each filter after the split kept from models.
    pub left_out: Vec<LeftOut>,
}

/// What a filter took away.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct LeftOut {
    /// What is gone, such as `items outside the vocab`.
    pub what: String,
    /// The rule, with the spec's number.
    pub rule: String,
    /// How many.
    pub count: u64,
    /// Of how many, where that is known.
    pub of: Option<u64>,
}

/// One split.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct SplitPart {
    /// `train`, `valid` or `test`.
    pub name: String,
    /// Transaction rows in it.
    pub rows: u64,
    /// Baskets in it.
    pub baskets: u64,
    /// Users in it.
    pub users: Option<u64>,
    /// First date or week, as the layout writes it.
    pub from: Option<String>,
    /// Last date or week, inclusive.
    pub to: Option<String>,
}
