//! Layouts: what is known of a raw source, as data. A folder of `datasets/` is a description
//! (`layout.toml`) and SQL files; `common` holds what every source makes of its transactions.

mod source;

use include_dir::{Dir, include_dir};
use pannier_engine::raw::{RawColumn, RawFormat};
use pannier_proto::spec::CheckSpec;
use serde::Deserialize;

#[cfg(test)]
pub use source::RawFiles;
pub use source::{Source, resolve};

use crate::error::SchedulerError;

static DATASETS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/datasets");

/// A raw relation of a layout.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawSource {
    /// Name in SQL.
    pub name: String,
    /// Form of its files.
    pub format: RawFormat,
    /// Names of its files inside the source's folder; `*` stands for anything.
    pub files: String,
    /// The spec's path may name these files themselves.
    #[serde(default)]
    pub primary: bool,
    /// Columns.
    pub columns: Vec<RawColumn>,
}

/// A table and the SQL that makes it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableDef {
    /// Name.
    pub name: String,
    /// Tables and raw relations that its SQL reads.
    pub reads: Vec<String>,
    /// Columns that decide a row's part.
    pub key: Vec<String>,
    /// Order inside a part.
    pub sort: Vec<String>,
    /// Parts, where not the spec's.
    #[serde(default)]
    pub parts: Option<u32>,
    /// The SQL text.
    #[serde(skip)]
    pub sql: String,
}

/// A known raw source.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Layout {
    /// What people call it.
    pub title: String,
    /// Text before the week (YYYYWW) in a file's name, where names tell the week.
    #[serde(default)]
    pub week_in_name: Option<String>,
    /// Raw relations.
    pub raw: Vec<RawSource>,
    /// Tables made of them.
    pub table: Vec<TableDef>,
    /// Its checks, written as in a spec.
    #[serde(default)]
    pub check: Vec<CheckSpec>,
}

/// What every source has in common.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Common {
    /// Tables made of `transactions` and `items`.
    pub table: Vec<TableDef>,
    /// Checks of a model's inputs, written as in a spec.
    #[serde(default)]
    pub check: Vec<CheckSpec>,
}

fn text(path: &str) -> Result<&'static str, SchedulerError> {
    let file = DATASETS
        .get_file(path)
        .and_then(include_dir::File::contents_utf8);
    file.ok_or_else(|| SchedulerError::Failed(format!("this build lacks {path}")))
}

/// A layout by name.
///
/// # Errors
/// Where this build has no such layout, or its description cannot be read.
pub fn find(name: &str) -> Result<Layout, SchedulerError> {
    let toml = text(&format!("{name}/layout.toml"))?;
    let mut layout: Layout =
        toml::from_str(toml).map_err(|e| SchedulerError::Failed(format!("layout {name}: {e}")))?;
    for table in &mut layout.table {
        table.sql = text(&format!("{name}/{}.sql", table.name))?.to_owned();
    }
    Ok(layout)
}

/// The tables and checks that every source has in common. `split` names the SQL of `splits`.
///
/// # Errors
/// Where a description cannot be read.
pub fn common(split: &str) -> Result<Common, SchedulerError> {
    let mut common: Common = toml::from_str(text("common/tables.toml")?)
        .map_err(|e| SchedulerError::Failed(format!("common tables: {e}")))?;
    for table in &mut common.table {
        let file = if table.name == "splits" {
            split
        } else {
            &table.name
        };
        table.sql = text(&format!("common/{file}.sql"))?.to_owned();
    }
    Ok(common)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_layout_reads() -> Result<(), SchedulerError> {
        for name in pannier_proto::spec::LAYOUTS {
            let layout = find(name)?;
            assert!(layout.raw.iter().any(|r| r.primary), "{name}");
            for needed in ["transactions", "rejects", "items", "facts"] {
                assert!(
                    layout.table.iter().any(|t| t.name == needed),
                    "{name} lacks {needed}"
                );
            }
        }
        assert_eq!(
            common("splits-time")?.table.len(),
            common("splits-last-basket")?.table.len()
        );
        Ok(())
    }
}
