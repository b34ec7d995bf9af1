//! `[source]`: where the raw data lies and what form it has. It must not look whether it is there.

use serde::{Deserialize, Serialize};

use super::columns::{ColumnsSpec, CsvSpec, PathSpec};
use super::keys;
use super::reader::Table;

/// The layouts that the pipelines know.
pub const LAYOUTS: [&str; 6] = [
    "dunnhumby-lgsr",
    "complete-journey",
    "complete-journey-csv",
    "instacart",
    "rees46",
    MAPPED_LAYOUT,
];

/// The layout whose columns a spec maps.
pub const MAPPED_LAYOUT: &str = "transactions";

/// Where the raw data lies.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceSpec {
    /// One of [`LAYOUTS`].
    pub layout: String,
    /// Files, folders or globs.
    pub path: PathSpec,
    /// Form of the files of the layout `transactions`; what their names end in unless given.
    #[serde(default)]
    pub format: Option<FileFormat>,
    /// How CSV files are written; as the layout says unless given.
    #[serde(default)]
    pub csv: Option<CsvSpec>,
    /// Which columns mean what; for the layout `transactions` only.
    #[serde(default)]
    pub columns: Option<ColumnsSpec>,
    /// Share of rows (0 to 1) that may be rejected before the run stops; 0.01 unless given.
    #[serde(default = "default_max_reject_share")]
    pub max_reject_share: f64,
    /// Data to generate into `path`'s folder before it is read.
    #[serde(default)]
    pub generate: Option<GenerateSpec>,
}

/// Form of raw files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileFormat {
    /// Fields between delimiters.
    Csv,
    /// Parquet.
    Parquet,
    /// One JSON object a line.
    Jsonl,
    /// Arrow IPC, file or stream.
    Arrow,
}

/// Data to generate in the form of the source's layout.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GenerateSpec {
    /// How many customers buy something, at least 1.
    pub customers: u32,
    /// How many weeks they buy, at least 1.
    pub weeks: u32,
    /// Seed of the generator; 1 unless given.
    pub seed: u64,
    /// Which of the published column names the files of `dunnhumby-lgsr` get; the newer ones unless
    /// given.
    pub header: CsvHeader,
    /// Whether the files are compressed; true unless given.
    pub gzip: bool,
    /// Share of rows (0 to 1) that cannot be parsed; 0 unless given.
    pub bad_row_share: f64,
}

/// The two sets of column names under which the data was published.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CsvHeader {
    /// The later files.
    #[default]
    Newer,
    /// The first files.
    Older,
}

fn default_max_reject_share() -> f64 {
    0.01
}

impl SourceSpec {
    /// Stands in for a table that is missing, until the reader refuses the spec.
    pub(super) fn blank() -> Self {
        Self {
            layout: String::new(),
            path: PathSpec::Many(Vec::new()),
            format: None,
            csv: None,
            columns: None,
            max_reject_share: default_max_reject_share(),
            generate: None,
        }
    }

    pub(super) fn read(table: &Table<'_, '_>) -> Self {
        let layouts = LAYOUTS.map(|l| (l, l));
        let formats = [
            ("csv", FileFormat::Csv),
            ("parquet", FileFormat::Parquet),
            ("jsonl", FileFormat::Jsonl),
            ("arrow", FileFormat::Arrow),
        ];
        Self {
            layout: table.choice("layout", &layouts).unwrap_or_default().into(),
            path: PathSpec::read(table, "path").unwrap_or(PathSpec::Many(Vec::new())),
            format: table.choice("format", &formats),
            csv: table.table("csv", &keys::CSV).map(|t| CsvSpec::read(&t)),
            columns: table
                .table("columns", &keys::COLUMNS)
                .map(|t| ColumnsSpec::read(&t)),
            max_reject_share: share(table, "max_reject_share")
                .unwrap_or_else(default_max_reject_share),
            generate: table
                .table("generate", &keys::GENERATE)
                .map(|t| GenerateSpec::read(&t)),
        }
    }
}

impl GenerateSpec {
    fn read(table: &Table<'_, '_>) -> Self {
        let headers = [("newer", CsvHeader::Newer), ("older", CsvHeader::Older)];
        Self {
            customers: table.integer("customers", 1..).unwrap_or_default(),
            weeks: table.integer("weeks", 1..).unwrap_or_default(),
            seed: table.integer("seed", 0..).unwrap_or(1),
            header: table.choice("header", &headers).unwrap_or_default(),
            gzip: table.flag("gzip").unwrap_or(true),
            bad_row_share: share(table, "bad_row_share").unwrap_or(0.0),
        }
    }
}

fn share(table: &Table<'_, '_>, key: &str) -> Option<f64> {
    table.number(key, "from 0 to 1", |n| (0.0..=1.0).contains(&n))
}
