//! `[[table]]`: tables of a user's own, and other SQL for those that are there. It must not know
//! SQL.

use serde::{Deserialize, Serialize};

use super::reader::Table;
use super::value::is_table_name;

/// A table that the spec makes, or makes otherwise than the layout does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableSpec {
    /// Name of a known table, whose SQL this is instead, or of a new one: `[a-z][a-z0-9_]*`.
    pub name: String,
    /// One query.
    #[serde(default)]
    pub sql: Option<String>,
    /// A file with the query, relative to the spec; the client reads it and fills in `sql`.
    #[serde(default)]
    pub file: Option<String>,
    /// Columns that decide a row's part; those of the known table, or the first column, unless
    /// given.
    #[serde(default)]
    pub key: Option<Vec<String>>,
    /// Order inside a part; that of the known table, or all columns, unless given.
    #[serde(default)]
    pub sort: Option<Vec<String>>,
    /// Parts, 1 to 4096; those of the known table, or of `[prepare]`, unless given.
    #[serde(default)]
    pub parts: Option<u32>,
}

impl TableSpec {
    pub(super) fn read(table: &Table<'_, '_>) -> Self {
        let expected = "1 to 64 of `a`-`z`, `0`-`9` and `_`, beginning with a letter";
        let name = table.value("name", expected, |v| {
            let name = v.as_str().filter(|s| is_table_name(s));
            name.map(str::to_owned).ok_or(None)
        });
        Self {
            name: name.unwrap_or_default(),
            sql: table.text("sql"),
            file: table.text("file"),
            key: table.texts("key"),
            sort: table.texts("sort"),
            parts: table.integer("parts", 1..=4096),
        }
    }
}
