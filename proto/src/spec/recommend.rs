//! `[recommend]`: what all users get of a trained model. It must not know where it is written.

use serde::{Deserialize, Serialize};

use super::reader::Table;

/// The list of every user, written by a run for each model that knows users.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RecommendSpec {
    /// Items of a list, 1 to 1000; 10 unless given.
    pub top: u32,
    /// Leaves out what a user has bought; false unless given: groceries are bought again.
    pub filter_bought: bool,
    /// Also writes lines of user, item and score without a header; false unless given.
    pub csv: bool,
}

impl Default for RecommendSpec {
    fn default() -> Self {
        Self {
            top: 10,
            filter_bought: false,
            csv: false,
        }
    }
}

impl RecommendSpec {
    pub(super) fn read(table: &Table<'_, '_>) -> Self {
        let default = Self::default();
        Self {
            top: table.integer("top", 1..=1000).unwrap_or(default.top),
            filter_bought: table.flag("filter_bought").unwrap_or_default(),
            csv: table.flag("csv").unwrap_or_default(),
        }
    }
}
