//! The tables of a spec and their keys, and what to say about a key or value that is none of them.
//! A test holds these lists equal to the fields of the types.

mod baseline;
mod train;

pub(super) use baseline::{
    BASELINE, BOOSTED_TREES, ITEM_KNN, ITEM_KNN_STUDY, LOGISTIC, PERSONAL_FREQUENCY,
    PERSONAL_FREQUENCY_STUDY, POPULARITY, POPULARITY_STUDY, TIFU_KNN, TIFU_KNN_STUDY, UP_CF,
    UP_CF_STUDY,
};
pub(super) use train::{ALS, ALS_STUDY, ATTENTION_LSTM, CUST2VEC, PROD2VEC, WIDE_DEEP};

/// One kind of table.
pub(super) struct TableKeys {
    /// How errors call it; empty for the top level.
    pub header: &'static str,
    /// Keys that must be there.
    pub required: &'static [&'static str],
    /// Keys that may be there.
    pub optional: &'static [&'static str],
}

pub(super) const TOP: TableKeys = TableKeys {
    header: "",
    required: &["name", "source"],
    optional: &[
        "seed",
        "prepare",
        "split",
        "table",
        "check",
        "feed",
        "train",
        "baseline",
        "evaluate",
        "publish",
        "recommend",
        "segments",
    ],
};
pub(super) const SOURCE: TableKeys = TableKeys {
    header: "[source]",
    required: &["layout", "path"],
    optional: &["format", "csv", "columns", "max_reject_share", "generate"],
};
pub(super) const CSV: TableKeys = TableKeys {
    header: "[source.csv]",
    required: &[],
    optional: &["delimiter", "quote", "null", "header"],
};
pub(super) const COLUMNS: TableKeys = TableKeys {
    header: "[source.columns]",
    required: &["item_id"],
    optional: &[
        "user_id",
        "basket_id",
        "ordered_at",
        "quantity",
        "spend",
        "item_name",
        "department",
        "category",
        "extra",
    ],
};
pub(super) const COLUMN: TableKeys = TableKeys {
    header: "a column of [source.columns]",
    required: &["name"],
    optional: &["type", "format", "round"],
};
pub(super) const GENERATE: TableKeys = TableKeys {
    header: "[source.generate]",
    required: &["customers", "weeks"],
    optional: &["seed", "header", "gzip", "bad_row_share"],
};
pub(super) const PREPARE: TableKeys = TableKeys {
    header: "[prepare]",
    required: &[],
    optional: &[
        "weeks",
        "min_item_baskets",
        "max_items",
        "max_basket_items",
        "max_history",
        "parts",
        "row_group_rows",
        "context",
        "profile",
    ],
};
pub(super) const WEEKS: TableKeys = TableKeys {
    header: "[prepare].weeks",
    required: &[],
    optional: &["from", "to"],
};
pub(super) const SPLIT: TableKeys = TableKeys {
    header: "[split]",
    required: &[],
    optional: &[
        "by",
        "test_weeks",
        "valid_weeks",
        "test_share",
        "valid_share",
    ],
};
pub(super) const TABLE: TableKeys = TableKeys {
    header: "[[table]]",
    required: &["name"],
    optional: &["sql", "file", "key", "sort", "parts"],
};
pub(super) const CHECK: TableKeys = TableKeys {
    header: "[[check]]",
    required: &["name"],
    optional: &[
        "sql",
        "rule",
        "table",
        "column",
        "columns",
        "values",
        "min",
        "max",
        "references",
        "where",
        "value",
        "within",
        "against",
        "types",
        "exact",
        "of",
        "max_change",
        "severity",
        "limit",
        "max_share",
    ],
};
pub(super) const TRAIN: TableKeys = TableKeys {
    header: "[[train]]",
    required: &["name", "model"],
    optional: &["params", "expand", "gate"],
};
pub(super) const FEED: TableKeys = TableKeys {
    header: "[[feed]]",
    required: &["name", "transform"],
    optional: &[
        "params",
        "table",
        "columns",
        "batch_rows",
        "window_rows",
        "shuffle",
        "last",
    ],
};
pub(super) const SELECT: TableKeys = TableKeys {
    header: "params of select",
    required: &[],
    optional: &[],
};
pub(super) const PAIRS: TableKeys = TableKeys {
    header: "params of pairs",
    required: &[],
    optional: &["window", "subsample", "negatives", "power"],
};
pub(super) const SEQUENCES: TableKeys = TableKeys {
    header: "params of sequences",
    required: &[],
    optional: &["part", "target", "max_history"],
};
pub(super) const COUNTS: TableKeys = TableKeys {
    header: "params of counts",
    required: &[],
    optional: &["alpha", "negatives", "power"],
};
pub(super) const INTERACTIONS: TableKeys = TableKeys {
    header: "params of interactions",
    required: &[],
    optional: &["part", "negatives", "power"],
};
pub(super) const SQL: TableKeys = TableKeys {
    header: "params of sql",
    required: &["sql"],
    optional: &[],
};
pub(super) const EVALUATE: TableKeys = TableKeys {
    header: "[evaluate]",
    required: &[],
    optional: &["k", "queries", "min_baskets"],
};
pub(super) const PUBLISH: TableKeys = TableKeys {
    header: "[publish]",
    required: &[],
    optional: &["alias", "gate"],
};
pub(super) const RECOMMEND: TableKeys = TableKeys {
    header: "[recommend]",
    required: &[],
    optional: &["top", "filter_bought", "csv"],
};
pub(super) const SEGMENTS: TableKeys = TableKeys {
    header: "[segments]",
    required: &[],
    optional: &["k", "k_min", "k_max", "normalize", "permutations"],
};

/// Every table, in the order of a spec.
pub(super) const ALL: [&TableKeys; 42] = [
    &TOP,
    &SOURCE,
    &CSV,
    &COLUMNS,
    &COLUMN,
    &GENERATE,
    &PREPARE,
    &WEEKS,
    &SPLIT,
    &TABLE,
    &CHECK,
    &FEED,
    &SELECT,
    &PAIRS,
    &SEQUENCES,
    &COUNTS,
    &INTERACTIONS,
    &SQL,
    &TRAIN,
    &PROD2VEC,
    &CUST2VEC,
    &ATTENTION_LSTM,
    &WIDE_DEEP,
    &ALS,
    &ALS_STUDY,
    &BASELINE,
    &POPULARITY,
    &POPULARITY_STUDY,
    &PERSONAL_FREQUENCY,
    &PERSONAL_FREQUENCY_STUDY,
    &ITEM_KNN,
    &ITEM_KNN_STUDY,
    &TIFU_KNN,
    &TIFU_KNN_STUDY,
    &UP_CF,
    &UP_CF_STUDY,
    &LOGISTIC,
    &BOOSTED_TREES,
    &EVALUATE,
    &PUBLISH,
    &RECOMMEND,
    &SEGMENTS,
];

impl TableKeys {
    /// All keys, the required ones first.
    pub fn keys(&self) -> impl Iterator<Item = &'static str> {
        self.required.iter().chain(self.optional).copied()
    }

    /// `in [split]`, or `at the top level`.
    pub fn place(&self) -> String {
        if self.header.is_empty() {
            "at the top level".into()
        } else {
            format!("in {}", self.header)
        }
    }

    /// What to do about a key that is not in this table: the table it belongs in, the key it is
    /// nearly equal to, or all known keys.
    pub fn help_for_unknown(&self, key: &str) -> String {
        let homes: Vec<String> = ALL
            .iter()
            .filter(|t| t.keys().any(|k| k == key))
            .map(|t| t.place())
            .collect();
        if !homes.is_empty() {
            return format!("`{key}` belongs {}", homes.join(" or "));
        }
        match nearest(key, self.keys()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("known keys {}: {}", self.place(), quoted(self.keys())),
        }
    }
}

/// The candidate that `word` is a slip of, if there is one: a third of the letters may be wrong, or
/// one may be the beginning of the other.
#[must_use]
pub fn nearest<'c>(word: &str, candidates: impl Iterator<Item = &'c str>) -> Option<&'c str> {
    let word = word.to_lowercase();
    let distance = |candidate: &str| {
        let is_beginning = candidate.starts_with(&word) || word.starts_with(candidate);
        match word.len().min(candidate.len()) {
            3.. if is_beginning => 0,
            _ => strsim::damerau_levenshtein(&word, candidate),
        }
    };
    let allowed = |candidate: &str| (candidate.len().max(word.len()) / 3).max(1);
    candidates
        .map(|candidate| (distance(candidate), candidate))
        .filter(|(distance, candidate)| *distance <= allowed(candidate))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// "`a`, `b`".
pub(super) fn quoted<'c>(words: impl Iterator<Item = &'c str>) -> String {
    words
        .map(|w| format!("`{w}`"))
        .collect::<Vec<_>>()
        .join(", ")
}
