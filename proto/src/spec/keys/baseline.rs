//! The tables of baselines.

use super::TableKeys;

pub(in super::super) const BASELINE: TableKeys = TableKeys {
    header: "[[baseline]]",
    required: &["model"],
    optional: &["name", "params", "study"],
};
pub(in super::super) const POPULARITY: TableKeys = TableKeys {
    header: "params of popularity",
    required: &[],
    optional: &["decay"],
};
pub(in super::super) const POPULARITY_STUDY: TableKeys = TableKeys {
    header: "study of popularity",
    required: &[],
    optional: &["k", "trials", "decay"],
};
pub(in super::super) const PERSONAL_FREQUENCY: TableKeys = TableKeys {
    header: "params of personal-frequency",
    required: &[],
    optional: &["decay", "fill"],
};
pub(in super::super) const PERSONAL_FREQUENCY_STUDY: TableKeys = TableKeys {
    header: "study of personal-frequency",
    required: &[],
    optional: &["k", "trials", "decay", "fill"],
};
pub(in super::super) const ITEM_KNN: TableKeys = TableKeys {
    header: "params of item-knn",
    required: &[],
    optional: &["over", "neighbours", "shrink", "decay"],
};
pub(in super::super) const ITEM_KNN_STUDY: TableKeys = TableKeys {
    header: "study of item-knn",
    required: &[],
    optional: &["k", "trials", "over", "neighbours", "shrink", "decay"],
};
pub(in super::super) const TIFU_KNN: TableKeys = TableKeys {
    header: "params of tifu-knn",
    required: &[],
    optional: &[
        "groups",
        "within_decay",
        "group_decay",
        "neighbours",
        "alpha",
    ],
};
pub(in super::super) const TIFU_KNN_STUDY: TableKeys = TableKeys {
    header: "study of tifu-knn",
    required: &[],
    optional: &[
        "k",
        "trials",
        "groups",
        "within_decay",
        "group_decay",
        "neighbours",
        "alpha",
    ],
};
pub(in super::super) const UP_CF: TableKeys = TableKeys {
    header: "params of up-cf",
    required: &[],
    optional: &["recency", "asymmetry", "locality", "neighbours"],
};
pub(in super::super) const UP_CF_STUDY: TableKeys = TableKeys {
    header: "study of up-cf",
    required: &[],
    optional: &[
        "k",
        "trials",
        "recency",
        "asymmetry",
        "locality",
        "neighbours",
    ],
};
pub(in super::super) const LOGISTIC: TableKeys = TableKeys {
    header: "params of logistic",
    required: &[],
    optional: &["features", "l2"],
};
pub(in super::super) const BOOSTED_TREES: TableKeys = TableKeys {
    header: "params of boosted-trees",
    required: &[],
    optional: &["features", "trees", "depth", "learning_rate", "l2"],
};
