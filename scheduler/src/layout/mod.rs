//! Layouts: what is known of a raw source, as data. A folder of `datasets/` is a description
//! (`layout.toml`) and SQL files; `common` holds what every source makes of its transactions.

mod defs;
mod files;
mod mapped;
pub mod own;
mod pieces;
mod source;

use include_dir::{Dir, include_dir};
use pannier_engine::raw::{CsvDialect, RawColumn, RawFormat};
use pannier_proto::spec::{CheckSpec, ContextSpec, SplitSpec};
use serde::Deserialize;

pub use defs::Defs;
pub use mapped::fit;
pub use own::Own;
pub use pieces::{ContentPiece, content_pieces};
pub use source::{RawFiles, Source, resolve};

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
    /// How its files are written, where they are CSV.
    #[serde(default)]
    pub csv: CsvDialect,
    /// The spec's path may name these files themselves.
    #[serde(default)]
    pub primary: bool,
    /// Its files may be missing: then it has no rows.
    #[serde(default)]
    pub optional: bool,
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
    #[serde(default)]
    pub key: Vec<String>,
    /// Order inside a part.
    #[serde(default)]
    pub sort: Vec<String>,
    /// Each row is made of one row of what it reads: it is made piece by piece, without a shuffle,
    /// and its parts are the source's pieces. Key and sort have no meaning then.
    #[serde(default)]
    pub narrow: bool,
    /// Another narrow table, after this one, that is made of the same pieces: they are read once for
    /// both.
    #[serde(default)]
    pub together: Option<String>,
    /// Parts, where not the spec's.
    #[serde(default)]
    pub parts: Option<u32>,
    /// Where the spec has a say in it.
    #[serde(skip)]
    pub own: Option<own::Own>,
    /// Models are fed with it and nothing else reads it: made for runs that fit one.
    #[serde(default)]
    pub training: bool,
    /// Only brings rows of staged tables together, and splits and learns nothing: it need not wait for
    /// the source's checks.
    #[serde(default)]
    pub gathers: bool,
    /// Has another SQL file, `<name>-leaky.sql`, for `prepare.context = "leaky"`.
    #[serde(default)]
    pub leaky: bool,
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
    /// The raw relation whose rows `facts` counts as lines; the primary one unless given.
    #[serde(default)]
    pub lines: Option<String>,
    /// Raw relations.
    pub raw: Vec<RawSource>,
    /// Tables made of them.
    pub table: Vec<TableDef>,
    /// Its checks, written as in a spec.
    #[serde(default)]
    pub check: Vec<CheckSpec>,
}

impl Layout {
    /// Tables of raw relations whose files must be read from end to end: parsed once, they serve
    /// every table made of them, and only new files need parsing when more come.
    #[must_use]
    pub fn read_once(&self) -> Vec<TableDef> {
        let streamed = self.raw.iter().filter(|r| !r.format.is_columnar());
        let table = |raw: &RawSource| TableDef {
            name: raw.name.clone(),
            reads: vec![raw.name.clone()],
            key: Vec::new(),
            sort: Vec::new(),
            narrow: true,
            together: None,
            parts: None,
            own: None,
            training: false,
            gathers: false,
            leaky: false,
            sql: format!("select * from {}", raw.name),
        };
        streamed.map(table).collect()
    }

    /// The raw relation of the lines.
    #[must_use]
    pub fn lines(&self) -> String {
        let primary = || Some(self.raw.iter().find(|r| r.primary)?.name.clone());
        self.lines.clone().or_else(primary).unwrap_or_default()
    }
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

/// A layout by name, its tables as the context of decisions asks for.
///
/// # Errors
/// Where this build has no such layout, or its description cannot be read.
pub fn find(name: &str, context: ContextSpec) -> Result<Layout, SchedulerError> {
    let toml = text(&format!("{name}/layout.toml"))?;
    let mut layout: Layout =
        toml::from_str(toml).map_err(|e| SchedulerError::Failed(format!("layout {name}: {e}")))?;
    for table in &mut layout.table {
        let leaky = table.leaky && context == ContextSpec::Leaky;
        let file = if leaky { "-leaky.sql" } else { ".sql" };
        table.sql = text(&format!("{name}/{}{file}", table.name))?.to_owned();
    }
    Ok(layout)
}

/// The tables and checks that a source has in common with all others. A source that knows more of
/// such a table than its transactions tell has one of its own, and not this.
///
/// # Errors
/// Where a description cannot be read.
pub fn common(split: &SplitSpec, layout: &Layout) -> Result<Common, SchedulerError> {
    let split = match split {
        SplitSpec::Time { .. } => "splits-time",
        SplitSpec::LastBasket { .. } => "splits-last-basket",
        SplitSpec::User { .. } => "splits-user",
    };
    let mut common: Common = toml::from_str(text("common/tables.toml")?)
        .map_err(|e| SchedulerError::Failed(format!("common tables: {e}")))?;
    let of_source = |name: &str| layout.table.iter().any(|own| own.name == name);
    common.table.retain(|table| !of_source(&table.name));
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
mod tests;
