//! `[prepare]` and `[split]`: how raw data becomes tables, and what is held out. It must not know
//! the SQL of the tables.

use serde::{Deserialize, Serialize};
use toml::de::DeValue;

use super::keys;
use super::reader::Table;

/// How raw data becomes tables.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PrepareSpec {
    /// Which weeks are read; all unless given.
    pub weeks: WeekRange,
    /// An item in fewer train baskets than this is left out of the vocab; 5 unless given.
    pub min_item_baskets: u32,
    /// The vocab keeps at most this many items, the most frequent ones; all unless given.
    pub max_items: Option<u32>,
    /// A basket keeps at most this many items, the most frequent ones of the vocab; all unless
    /// given. What a basket lost is in its `cut_items`.
    pub max_basket_items: Option<u32>,
    /// A user's sequence keeps at most this many baskets, the newest; all unless given. `count`
    /// has all of them.
    pub max_history: Option<u32>,
    /// Parts of every table, 1 to 4096; 8 unless given. Part of a table's version.
    pub parts: u32,
    /// Rows of a row group, at least 1; 65536 unless given. Part of a table's version.
    pub row_group_rows: u32,
    /// What of a session an interaction knows, where the layout has interactions.
    pub context: ContextSpec,
    /// Whether the report describes the source's columns and how people shop; true unless given.
    /// No table depends on it.
    pub profile: bool,
}

/// How much of a session the context of a decision takes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ContextSpec {
    /// What happened before the decision.
    #[default]
    Decision,
    /// The whole session, the purchase and what came after it too: it tells a model what it is to
    /// predict. For comparison with results that were measured so.
    Leaky,
}

impl Default for PrepareSpec {
    fn default() -> Self {
        Self {
            weeks: WeekRange::default(),
            min_item_baskets: 5,
            max_items: None,
            max_basket_items: None,
            max_history: None,
            parts: 8,
            row_group_rows: 65_536,
            context: ContextSpec::Decision,
            profile: true,
        }
    }
}

/// Weeks as the sources name them, both ends included: `YYYYWW` with `WW` from 01 to 53, or a
/// number below 1000 where the source counts its weeks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WeekRange {
    /// First week; the source's first unless given.
    pub from: Option<u32>,
    /// Last week; the source's last unless given.
    pub to: Option<u32>,
}

/// What is held out before anything is learned.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "kebab-case", deny_unknown_fields)]
pub enum SplitSpec {
    /// The last weeks: first train, then valid, then test.
    Time {
        /// Weeks of test, at least 1; 4 unless given.
        test_weeks: u32,
        /// Weeks of valid, before the weeks of test; 0 unless given.
        valid_weeks: u32,
    },
    /// The last basket of every user is test.
    LastBasket {
        /// Share of the users of whom the basket before the last is valid, where one before it is left
        /// to train on; 0 unless given.
        #[serde(default)]
        valid_share: f64,
    },
    /// All baskets of a user go together; a hash of the user's id and the seed decides. For models
    /// that must serve users they have never seen. Baskets of nobody are train.
    User {
        /// Share of the users that are test, above 0 and below 1; 0.1 unless given.
        test_share: f64,
        /// Share of the users that are valid; 0 unless given.
        valid_share: f64,
    },
}

impl Default for SplitSpec {
    fn default() -> Self {
        Self::Time {
            test_weeks: 4,
            valid_weeks: 0,
        }
    }
}

impl PrepareSpec {
    pub(super) fn read(table: &Table<'_, '_>) -> Self {
        let default = Self::default();
        let contexts = [
            ("decision", ContextSpec::Decision),
            ("leaky", ContextSpec::Leaky),
        ];
        Self {
            weeks: table
                .table("weeks", &keys::WEEKS)
                .map(|t| WeekRange::read(&t))
                .unwrap_or_default(),
            min_item_baskets: table
                .integer("min_item_baskets", 0..)
                .unwrap_or(default.min_item_baskets),
            max_items: table.integer("max_items", 1..),
            max_basket_items: table.integer("max_basket_items", 1..),
            max_history: table.integer("max_history", 1..),
            parts: table.integer("parts", 1..=4096).unwrap_or(default.parts),
            row_group_rows: table
                .integer("row_group_rows", 1..)
                .unwrap_or(default.row_group_rows),
            context: table.choice("context", &contexts).unwrap_or_default(),
            profile: table.flag("profile").unwrap_or(default.profile),
        }
    }
}

impl WeekRange {
    fn read(table: &Table<'_, '_>) -> Self {
        Self {
            from: week(table, "from"),
            to: week(table, "to"),
        }
    }
}

fn week(table: &Table<'_, '_>, key: &str) -> Option<u32> {
    table.value(
        key,
        "a week written YYYYWW, with WW from 01 to 53, or a number from 1 to 999",
        |value: &DeValue<'_>| {
            let digits = value.as_integer().filter(|i| i.radix() == 10).ok_or(None)?;
            let week = digits.as_str().parse::<u32>().ok();
            let named = |w: u32| (100_000..1_000_000).contains(&w) && (1..=53).contains(&(w % 100));
            week.filter(|w| named(*w) || (1..1000).contains(w))
                .ok_or(None)
        },
    )
}

/// Keys of `[split]` that only one way of splitting knows.
const BY_TIME: [&str; 2] = ["test_weeks", "valid_weeks"];
const BY_USER: [&str; 2] = ["test_share", "valid_share"];

impl SplitSpec {
    /// Whether anything is valid.
    #[must_use]
    pub fn validates(&self) -> bool {
        match *self {
            Self::Time { valid_weeks, .. } => valid_weeks > 0,
            Self::LastBasket { valid_share } | Self::User { valid_share, .. } => valid_share > 0.0,
        }
    }

    pub(super) fn read(table: &Table<'_, '_>) -> Self {
        let by_user = Self::User {
            test_share: 0.1,
            valid_share: 0.0,
        };
        let by = [
            ("time", Self::default()),
            ("last-basket", Self::LastBasket { valid_share: 0.0 }),
            ("user", by_user),
        ];
        let refuse = |keys: &[&str], by: &str, other: &str| {
            for key in keys {
                let why = format!("does not go with by = \"{by}\"");
                table.refuse(key, &why, &format!("remove it, or set by = \"{other}\""));
            }
        };
        match table.choice("by", &by).unwrap_or_default() {
            Self::Time {
                test_weeks,
                valid_weeks,
            } => {
                refuse(&BY_USER, "time", "user");
                Self::Time {
                    test_weeks: table.integer("test_weeks", 1..).unwrap_or(test_weeks),
                    valid_weeks: table.integer("valid_weeks", 0..).unwrap_or(valid_weeks),
                }
            }
            Self::LastBasket { valid_share } => {
                refuse(&BY_TIME, "last-basket", "time");
                refuse(&BY_USER[..1], "last-basket", "user");
                let valid =
                    table.number("valid_share", "from 0 to 1", |v| (0.0..=1.0).contains(&v));
                Self::LastBasket {
                    valid_share: valid.unwrap_or(valid_share),
                }
            }
            Self::User {
                test_share,
                valid_share,
            } => {
                refuse(&BY_TIME, "user", "time");
                let test =
                    table.number("test_share", "above 0 and below 1", |v| v > 0.0 && v < 1.0);
                let test_share = test.unwrap_or(test_share);
                let rest = 1.0 - test_share;
                let range = "of at least 0 that leaves users to train on";
                let valid = table.number("valid_share", range, |v| v >= 0.0 && v < rest);
                Self::User {
                    test_share,
                    valid_share: valid.unwrap_or(valid_share),
                }
            }
        }
    }
}
