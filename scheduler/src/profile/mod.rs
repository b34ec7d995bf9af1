//! Profiles: the SQL that describes tables, and the reading of its answers.
//!
//! Owns both as pure functions; the step and the service run the queries. A table costs two jobs,
//! shopping two more. All numbers are exact: quantiles are of the values in order (nearest rank),
//! means are sums of decimals. Only a standard deviation is computed in floating point.

mod columns;
mod shopping;

#[cfg(test)]
mod tests;

pub use columns::{Column, overview, read_overview, read_top, top};
pub use shopping::{market, read_market, read_repeats, repeats};

use std::collections::BTreeMap;

/// A row of an answer: text by column, empty where null.
pub type TextRow = BTreeMap<String, String>;

fn number(row: &TextRow, key: &str) -> u64 {
    row.get(key).and_then(|v| v.parse().ok()).unwrap_or(0)
}

fn text(row: &TextRow, key: &str) -> Option<String> {
    row.get(key).filter(|v| !v.is_empty()).cloned()
}
