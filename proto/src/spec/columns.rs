//! `[source.csv]` and `[source.columns]`: how files of a user's own are written, and which of their
//! columns mean what. It must not look into the files.

use serde::{Deserialize, Serialize};
use toml::de::DeValue;

use super::keys;
use super::reader::Table;

/// Paths of files, folders or globs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum PathSpec {
    /// One.
    One(String),
    /// Several, at least one.
    Many(Vec<String>),
}

impl PathSpec {
    /// All of them.
    #[must_use]
    pub fn all(&self) -> &[String] {
        match self {
            Self::One(path) => std::slice::from_ref(path),
            Self::Many(paths) => paths,
        }
    }

    pub(super) fn read(table: &Table<'_, '_>, key: &str) -> Option<Self> {
        if table.is_list(key) {
            table.texts(key).map(Self::Many)
        } else {
            table.text(key).map(Self::One)
        }
    }
}

/// How CSV files are written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CsvSpec {
    /// Between two fields, one ASCII character; `,` unless given.
    pub delimiter: char,
    /// Around fields that hold delimiters or line ends, one ASCII character, or `""` where quotes
    /// mean nothing; `"` unless given.
    pub quote: String,
    /// Texts that are null besides the empty one; none unless given.
    pub null: Vec<String>,
    /// Names of the columns by position; given where the files have no header.
    pub header: Option<Vec<String>>,
}

impl Default for CsvSpec {
    fn default() -> Self {
        Self {
            delimiter: ',',
            quote: "\"".into(),
            null: Vec::new(),
            header: None,
        }
    }
}

impl CsvSpec {
    pub(super) fn read(table: &Table<'_, '_>) -> Self {
        let default = Self::default();
        let delimiter = table.value("delimiter", "one ASCII character", |v| {
            one_ascii(v).ok_or(None)
        });
        let quote = table.value("quote", "one ASCII character, or \"\" for none", |v| {
            let none = v.as_str() == Some("");
            one_ascii(v)
                .map(String::from)
                .or(none.then(String::new))
                .ok_or(None)
        });
        Self {
            delimiter: delimiter.unwrap_or(default.delimiter),
            quote: quote.unwrap_or(default.quote),
            null: table.texts("null").unwrap_or_default(),
            header: table.texts("header"),
        }
    }
}

fn one_ascii(value: &DeValue<'_>) -> Option<char> {
    let mut chars = value.as_str()?.chars();
    let first = chars.next().filter(|c| c.is_ascii() && *c != '\n')?;
    chars.next().is_none().then_some(first)
}

/// Which columns of the files mean what, in the layout `transactions`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ColumnsSpec {
    /// Who bought; nobody knows unless given.
    pub user_id: Option<ColumnSpec>,
    /// What was bought.
    pub item_id: ColumnSpec,
    /// With what; unless given, a user's lines of a day are a basket, or all their lines where no
    /// date is given either.
    pub basket_id: Option<ColumnSpec>,
    /// When.
    pub ordered_at: Option<ColumnSpec>,
    /// How many, a whole number; 1 unless given.
    pub quantity: Option<ColumnSpec>,
    /// Money for the whole line.
    pub spend: Option<ColumnSpec>,
    /// The item's name; its id unless given.
    pub item_name: Option<ColumnSpec>,
    /// The coarsest group of the item.
    pub department: Option<ColumnSpec>,
    /// A finer group of the item.
    pub category: Option<ColumnSpec>,
    /// Further columns that `transactions` carries, as text.
    #[serde(default)]
    pub extra: Vec<String>,
}

/// A column of the files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ColumnSpec {
    /// Its name there, in any case.
    pub name: String,
    /// Of an id: whether it is an integer or any text; what the first file shows unless given.
    #[serde(default, rename = "type")]
    pub kind: Option<IdKind>,
    /// Of a date: how it is written, in the letters of `strftime`, or `epoch`, or `epoch-millis`;
    /// the usual forms unless given.
    #[serde(default)]
    pub format: Option<String>,
    /// Of money: more than two decimals are rounded instead of refused; false unless given.
    #[serde(default)]
    pub round: Option<bool>,
}

/// What an id is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IdKind {
    /// A 64-bit integer, also written as a float.
    Integer,
    /// Any text; an integer written as a float is that integer.
    Text,
}

impl ColumnSpec {
    /// A column by its name alone.
    #[must_use]
    pub fn named(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            kind: None,
            format: None,
            round: None,
        }
    }

    /// Reads a name, or a table with one; only `allowed` keys of it mean something here.
    fn read(columns: &Table<'_, '_>, key: &str, allowed: &[&str]) -> Option<Self> {
        if !columns.is_table(key) {
            let name = columns.value(
                key,
                "the name of a column, or a table with its `name`",
                |v| {
                    let name = v.as_str().filter(|s| !s.trim().is_empty());
                    name.map(str::to_owned).ok_or(None)
                },
            );
            return name.map(Self::named);
        }
        let table = columns.table(key, &keys::COLUMN)?;
        for (other, of) in [
            ("type", "the ids"),
            ("format", "ordered_at"),
            ("round", "spend"),
        ] {
            if !allowed.contains(&other) {
                let why = format!("has no meaning for {key}");
                table.refuse(other, &why, &format!("remove it: it is for {of}"));
            }
        }
        let kinds = [("integer", IdKind::Integer), ("text", IdKind::Text)];
        Some(Self {
            name: table.text("name").unwrap_or_default(),
            kind: table.choice("type", &kinds),
            format: table.text("format"),
            round: table.flag("round"),
        })
    }
}

impl ColumnsSpec {
    pub(super) fn read(table: &Table<'_, '_>) -> Self {
        let column = |key: &str, allowed: &[&str]| ColumnSpec::read(table, key, allowed);
        Self {
            user_id: column("user_id", &["type"]),
            item_id: column("item_id", &["type"]).unwrap_or_else(|| ColumnSpec::named("")),
            basket_id: column("basket_id", &["type"]),
            ordered_at: column("ordered_at", &["format"]),
            quantity: column("quantity", &[]),
            spend: column("spend", &["round"]),
            item_name: column("item_name", &[]),
            department: column("department", &[]),
            category: column("category", &[]),
            extra: table.texts("extra").unwrap_or_default(),
        }
    }
}
