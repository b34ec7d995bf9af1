//! A profile: what tables hold, and how people shop. Numbers only; who shows them decides how.

use serde::{Deserialize, Serialize};

/// Shares of the rows at which quantiles are given.
pub const QUANTILES: [f64; 5] = [0.05, 0.25, 0.5, 0.75, 0.95];

/// The first and last basket numbers of each band of [`Repeat`].
pub const BANDS: [(u64, Option<u64>); 8] = [
    (1, Some(1)),
    (2, Some(2)),
    (3, Some(5)),
    (6, Some(10)),
    (11, Some(20)),
    (21, Some(50)),
    (51, Some(100)),
    (101, None),
];

/// What a profile was asked for and found.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Profile {
    /// The tables, in the order asked for.
    pub tables: Vec<TableProfile>,
    /// How people shop; where `transactions` is among the tables.
    pub shopping: Option<Shopping>,
}

/// A table version. Everything is exact.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct TableProfile {
    /// Name.
    pub table: String,
    /// Version.
    pub version: String,
    /// Rows.
    pub rows: u64,
    /// Rows that differ from each other in some column; none for a table with a list.
    pub distinct_rows: Option<u64>,
    /// Its columns in order.
    pub columns: Vec<ColumnProfile>,
}

/// A column. Values are text, so that money stays decimal.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ColumnProfile {
    /// Name.
    pub name: String,
    /// Arrow's name of its type. Of a list the lengths are profiled.
    pub data_type: String,
    /// Rows without a value.
    pub missing: u64,
    /// Different values.
    pub distinct: u64,
    /// Mean; of numbers that are no ids, as all below.
    pub mean: Option<String>,
    /// Standard deviation of a sample.
    pub deviation: Option<f64>,
    /// The least value, of times and texts too.
    pub min: Option<String>,
    /// The greatest value, of times and texts too.
    pub max: Option<String>,
    /// The least value that at least each share of [`QUANTILES`] is not above, of times too.
    pub quantiles: Vec<String>,
    /// The most frequent values, most frequent first; none where nearly every row has its own.
    pub top: Vec<TopValue>,
}

/// A value and how often it is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TopValue {
    /// The value.
    pub value: String,
    /// Rows with it.
    pub rows: u64,
}

/// How people shop, from `transactions`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Shopping {
    /// Lines.
    pub lines: u64,
    /// Lines without a user.
    pub anonymous: u64,
    /// Different users, baskets and items.
    pub users: u64,
    /// Different baskets.
    pub baskets: u64,
    /// Different items.
    pub items: u64,
    /// Baskets by their number of different items, ascending.
    pub sizes: Vec<Counted>,
    /// Items by their number of lines, descending: what a rank plot is made of.
    pub popularity: Vec<Counted>,
    /// Weeks in which something was bought, in order.
    pub weeks: Vec<Week>,
    /// Bands of basket numbers in which something was bought, in order.
    pub repeats: Vec<Repeat>,
}

/// How many things have a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counted {
    /// The number.
    pub of: u64,
    /// Things that have it.
    pub things: u64,
}

/// A calendar week.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Week {
    /// Its Monday, `YYYY-MM-DD`.
    pub monday: String,
    /// Baskets.
    pub baskets: u64,
    /// Lines.
    pub lines: u64,
    /// Money spent, as a decimal; empty where lines have no price.
    pub spend: String,
}

/// Baskets of known users by their number in the user's life, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repeat {
    /// First number of the band.
    pub from: u64,
    /// Last number of the band; none where it is open.
    pub to: Option<u64>,
    /// Items bought in these baskets, each once a basket.
    pub lines: u64,
    /// Those that the user had bought in an earlier basket.
    pub repeated: u64,
}

impl Repeat {
    /// The share that was bought before, from 0 to 1.
    #[must_use]
    pub fn share(&self) -> f64 {
        self.repeated as f64 / self.lines.max(1) as f64
    }

    /// The band in words: `2`, `3 to 5`, `101 on`.
    #[must_use]
    pub fn label(&self) -> String {
        match self.to {
            Some(to) if to == self.from => to.to_string(),
            Some(to) => format!("{} to {to}", self.from),
            None => format!("{} on", self.from),
        }
    }
}
