//! `[[feed]]`: feeds for readers of a user's own. It must not know how batches are made.

use serde::{Deserialize, Serialize};

use super::keys;
use super::reader::Table;
use super::train::{WindowSpec, window};
use super::value::is_table_name;
use crate::feed::{FeedSpec, LastStep, Part, Target};

/// One feed, by name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NamedFeedSpec {
    /// Unique among the feeds, `[a-z0-9][a-z0-9-]*`, at most 64 characters.
    pub name: String,
    /// What is made of a row; the keys `transform` and `params`.
    #[serde(flatten)]
    pub transform: TransformSpec,
    /// The table; that of the transform unless given, which `select` and `sql` have not.
    pub table: Option<String>,
    /// Of `select`, the columns; of the others, further columns that come with their own.
    pub columns: Option<Vec<String>>,
    /// Rows of a global step, at least 1; 1024 unless given.
    pub batch_rows: u64,
    /// Rows that a window holds at least; 262144 unless given.
    pub window_rows: u64,
    /// Another order in every epoch; true unless given.
    pub shuffle: bool,
    /// What becomes of rows that do not fill a step: `short`, `drop` or `pad`; `short` unless given.
    pub last: LastStep,
}

/// What a feed makes of a row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "transform", content = "params", rename_all = "kebab-case")]
pub enum TransformSpec {
    /// The columns as they are.
    Select {},
    /// Skipgram pairs of baskets.
    Pairs(PairsParams),
    /// Sequences of baskets with a target.
    Sequences(SequencesParams),
    /// Users' counts of items.
    Counts(CountsParams),
    /// Decisions with their context.
    Interactions(InteractionsParams),
    /// A query over each row.
    Sql(SqlParams),
}

/// Params of pairs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PairsParams {
    /// Which items of a basket are a pair; 5 places unless given.
    pub window: WindowSpec,
    /// word2vec's subsampling threshold, a share of all items bought; 0 (off) unless given.
    pub subsample: f64,
    /// Items drawn by executors for each pair, 0 to 100; 0 unless given: the reader draws its own.
    pub negatives: u32,
    /// Negatives are drawn with probability ∝ count^power, -2 to 2; 0.75 unless given.
    pub power: f64,
}

/// Params of sequences.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SequencesParams {
    /// Which baskets are targets: `train`, `valid` or `test`; `train` unless given.
    pub part: Part,
    /// Which of them: `first`, `last`, or `random`, another one in every epoch; `last` unless given.
    pub target: Target,
    /// Baskets of the history at most, the newest; 0 (all) unless given.
    pub max_history: u32,
}

/// Params of counts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CountsParams {
    /// The confidence of a count is 1 + alpha·count; 40 unless given.
    pub alpha: f64,
    /// Items drawn by executors for each row, 0 to 100; 0 unless given.
    pub negatives: u32,
    /// As of pairs.
    pub power: f64,
}

/// Params of interactions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InteractionsParams {
    /// Which rows come: `train`, `valid` or `test`; `train` unless given.
    pub part: Part,
    /// Rows of label 0 with drawn items behind each row, 0 to 100; 0 unless given.
    pub negatives: u32,
    /// As of pairs.
    pub power: f64,
}

/// Params of sql.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SqlParams {
    /// A query over the relation `rows`: the table's columns, `_row` and `_random`.
    pub sql: String,
}

const TRANSFORMS: [(&str, &keys::TableKeys); 6] = [
    ("select", &keys::SELECT),
    ("pairs", &keys::PAIRS),
    ("sequences", &keys::SEQUENCES),
    ("counts", &keys::COUNTS),
    ("interactions", &keys::INTERACTIONS),
    ("sql", &keys::SQL),
];

impl NamedFeedSpec {
    /// The table read.
    #[must_use]
    pub fn table(&self) -> &str {
        let own = match self.transform {
            TransformSpec::Pairs(_) => "train_baskets",
            TransformSpec::Sequences(_) => "sequences",
            TransformSpec::Counts(_) => "counts",
            TransformSpec::Interactions(_) => "interactions",
            TransformSpec::Select {} | TransformSpec::Sql(_) => "",
        };
        self.table.as_deref().unwrap_or(own)
    }

    /// The columns named.
    #[must_use]
    pub fn columns(&self) -> &[String] {
        self.columns.as_deref().unwrap_or_default()
    }

    /// Whether items are drawn or thinned out by how often they were bought.
    #[must_use]
    pub fn needs_counts(&self) -> bool {
        match &self.transform {
            TransformSpec::Pairs(p) => p.negatives > 0 || p.subsample > 0.0,
            TransformSpec::Counts(p) => p.negatives > 0,
            TransformSpec::Interactions(p) => p.negatives > 0,
            _ => false,
        }
    }

    pub(super) fn read(table: &Table<'_, '_>) -> Self {
        let name = table.value("table", "the name of a table", |v| {
            let name = v.as_str().filter(|s| is_table_name(s));
            name.map(str::to_owned).ok_or(None)
        });
        let last = LastStep::ALL.map(|last| (last.name(), last));
        Self {
            name: table.name("name").unwrap_or_default(),
            transform: TransformSpec::read(table),
            table: name,
            columns: table.texts("columns"),
            batch_rows: table.integer("batch_rows", 1..=1 << 24).unwrap_or(1024),
            window_rows: table
                .integer("window_rows", 1..=1 << 24)
                .unwrap_or(FeedSpec::WINDOW_ROWS),
            shuffle: table.flag("shuffle").unwrap_or(true),
            last: table.choice("last", &last).unwrap_or_default(),
        }
    }
}

impl TransformSpec {
    fn read(table: &Table<'_, '_>) -> Self {
        // The transform decides which keys `params` may have.
        let Some(keys) = table.choice("transform", &TRANSFORMS) else {
            return Self::Select {};
        };
        let params = table.table("params", keys);
        let params = params.as_ref();
        let negatives = || {
            params
                .and_then(|p| p.integer("negatives", 0..=100))
                .unwrap_or(0)
        };
        let number = |key: &str, range: &str, allowed: fn(f64) -> bool, default: f64| {
            let given = params.and_then(|p| p.number(key, range, allowed));
            given.unwrap_or(default)
        };
        let power = || number("power", "from -2 to 2", |n| (-2.0..=2.0).contains(&n), 0.75);
        let parts = Part::ALL.map(|part| (part.name(), part));
        let targets = Target::ALL.map(|target| (target.name(), target));
        let part = || {
            params
                .and_then(|p| p.choice("part", &parts))
                .unwrap_or(Part::Train)
        };
        match table.word("transform") {
            Some("pairs") => Self::Pairs(PairsParams {
                window: params.and_then(window).unwrap_or(WindowSpec::Items(5)),
                subsample: number(
                    "subsample",
                    "from 0 to 1",
                    |n| (0.0..=1.0).contains(&n),
                    0.0,
                ),
                negatives: negatives(),
                power: power(),
            }),
            Some("sequences") => Self::Sequences(SequencesParams {
                part: part(),
                target: params
                    .and_then(|p| p.choice("target", &targets))
                    .unwrap_or(Target::Last),
                max_history: params
                    .and_then(|p| p.integer("max_history", 0..))
                    .unwrap_or(0),
            }),
            Some("counts") => Self::Counts(CountsParams {
                alpha: number("alpha", "of at least 0", |n| n >= 0.0, 40.0),
                negatives: negatives(),
                power: power(),
            }),
            Some("interactions") => Self::Interactions(InteractionsParams {
                part: part(),
                negatives: negatives(),
                power: power(),
            }),
            Some("sql") => {
                if params.is_none() {
                    let help = "add params = { sql = \"select … from rows\" }".to_owned();
                    table.fault("params", "a feed of sql needs its SQL".to_owned(), help);
                }
                Self::Sql(SqlParams {
                    sql: params.and_then(|p| p.text("sql")).unwrap_or_default(),
                })
            }
            _ => Self::Select {},
        }
    }
}
