//! `[segments]`: users grouped by their vectors. It must not know how they are grouped.

use serde::{Deserialize, Serialize};

use super::reader::Table;

/// Segments of the users of each model that knows users.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SegmentsSpec {
    /// How many, 2 to 1000; unless given, chosen among `k_min` to `k_max`.
    pub k: Option<u32>,
    /// The fewest that are tried, 2 to 100; 2 unless given.
    pub k_min: u32,
    /// The most that are tried, 2 to 100; 25 unless given.
    pub k_max: u32,
    /// Vectors count by their directions alone; true unless given. How long a vector is says how
    /// much a user bought more than what.
    pub normalize: bool,
    /// Random groupings that each KPI is compared with, 99 to 100,000; 999 unless given.
    pub permutations: u32,
}

impl Default for SegmentsSpec {
    fn default() -> Self {
        Self {
            k: None,
            k_min: 2,
            k_max: 25,
            normalize: true,
            permutations: 999,
        }
    }
}

impl SegmentsSpec {
    pub(super) fn read(table: &Table<'_, '_>) -> Self {
        let default = Self::default();
        let tried = |key| table.integer(key, 2..=100);
        Self {
            k: table.integer("k", 2..=1000),
            k_min: tried("k_min").unwrap_or(default.k_min),
            k_max: tried("k_max").unwrap_or(default.k_max),
            normalize: table.flag("normalize").unwrap_or(default.normalize),
            permutations: table
                .integer("permutations", 99..=100_000)
                .unwrap_or(default.permutations),
        }
    }
}
