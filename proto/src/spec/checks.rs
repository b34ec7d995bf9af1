//! Rules between keys, over a spec whose keys are each right by themselves. Pure: it says which key
//! is wrong; where that key stands is found elsewhere.

mod baseline;

use std::collections::BTreeSet;

use super::baseline::BaselineModel;
use super::evaluate::Question;
use super::gate::{Gate, GateSide};
use super::metric::Metric;
use super::source::MAPPED_LAYOUT;
use super::{ModelSpec, RunSpec, SegmentsSpec, TrainSpec, TransformSpec, keys};

/// A rule that does not hold.
pub(super) struct Complaint {
    /// Path of the key.
    pub key: String,
    pub message: String,
    pub help: String,
}

fn complaint(
    key: impl Into<String>,
    message: impl Into<String>,
    help: impl Into<String>,
) -> Complaint {
    Complaint {
        key: key.into(),
        message: message.into(),
        help: help.into(),
    }
}

/// Every rule that does not hold.
pub(super) fn check(spec: &RunSpec) -> Vec<Complaint> {
    let mut found = Vec::new();
    found.extend(mapped_columns(spec));
    found.extend(tables(spec));
    found.extend(feeds(spec));
    found.extend(week_order(spec));
    found.extend(names(spec));
    found.extend(something_to_train(spec));
    found.extend(questions(spec));
    found.extend(baseline::studies(spec));
    for (i, train) in spec.train.iter().enumerate() {
        let rates = match &train.model {
            ModelSpec::Prod2vec(p) => Some((p.learning_rate, p.min_learning_rate)),
            ModelSpec::Cust2vec(p) => Some((p.learning_rate, p.min_learning_rate)),
            ModelSpec::Als(_) | ModelSpec::AttentionLstm(_) | ModelSpec::WideDeep(_) => None,
        };
        found.extend(rates.and_then(|r| learning_rates(&format!("train[{i}].params"), r)));
    }
    found.extend(gates(spec));
    found
}

/// What the layout `transactions` needs and the others have no use for.
fn mapped_columns(spec: &RunSpec) -> Vec<Complaint> {
    let source = &spec.source;
    let mapped = source.layout == MAPPED_LAYOUT;
    let mut found = Vec::new();
    let header = source.csv.as_ref().is_some_and(|c| c.header.is_some());
    for (key, there) in [
        ("source.columns", source.columns.is_some()),
        ("source.format", source.format.is_some()),
        ("source.csv.header", header),
    ] {
        if there && !mapped {
            let message = format!(
                "the layout `{}` knows its own columns and form",
                source.layout
            );
            let help = format!("remove it, or set layout = \"{MAPPED_LAYOUT}\"");
            found.push(complaint(key, message, help));
        }
    }
    let Some(columns) = source.columns.as_ref().filter(|_| mapped) else {
        if mapped {
            let help = "add [source.columns] with item_id = \"…\" and user_id or basket_id";
            let message = "the layout `transactions` needs to know which columns mean what";
            found.push(complaint("source.columns", message, help));
        }
        return found;
    };
    if columns.user_id.is_none() && columns.basket_id.is_none() {
        let message =
            "neither user_id nor basket_id is mapped: nothing says which lines belong together";
        let help = "map one of them, or both";
        found.push(complaint("source.columns", message, help));
    }
    let keys = keys::COLUMNS.keys().filter(|key| *key != "extra");
    let mut taken: BTreeSet<String> = keys.map(str::to_owned).collect();
    for (i, name) in columns.extra.iter().enumerate() {
        if !taken.insert(name.to_lowercase()) || name.starts_with('_') {
            let message = format!("`{name}` in `extra` is the name of another column already");
            let help = "map it under the key of that name, or leave it out";
            found.push(complaint(
                format!("source.columns.extra[{i}]"),
                message,
                help,
            ));
        }
    }
    let by_time = matches!(spec.split, super::SplitSpec::Time { .. });
    if by_time && columns.ordered_at.is_none() && spec.learns() {
        let message = "the split is by time, and [source.columns] maps no ordered_at";
        let help = "map ordered_at, or set by = \"last-basket\" in [split]";
        found.push(complaint("split.by", message, help));
    }
    found
}

/// A table has its SQL from one place.
fn tables(spec: &RunSpec) -> Vec<Complaint> {
    let mut found = duplicates("table", "name", spec.table.iter().map(|t| t.name.as_str()));
    for (i, table) in spec.table.iter().enumerate() {
        if table.sql.is_none() && table.file.is_none() {
            let message = format!("table `{}` has no SQL", table.name);
            let help = "give `sql`, or `file` with a file that holds it";
            found.push(complaint(format!("table[{i}].name"), message, help));
        }
    }
    found
}

/// A transform that has no table of its own names one, and `select` its columns.
fn feeds(spec: &RunSpec) -> Vec<Complaint> {
    let mut found = Vec::new();
    for (i, feed) in spec.feed.iter().enumerate() {
        let key = format!("feed[{i}].transform");
        if feed.table().is_empty() {
            let message = format!("feed `{}` does not say which table it reads", feed.name);
            found.push(complaint(key, message, "add table = \"…\""));
        } else if matches!(feed.transform, TransformSpec::Select {}) && feed.columns().is_empty() {
            let message = format!("feed `{}` selects no column", feed.name);
            found.push(complaint(key, message, "add columns = [\"…\"]"));
        } else if matches!(feed.transform, TransformSpec::Sql(_)) && !feed.columns().is_empty() {
            let message = format!("feed `{}` reads the columns that its SQL names", feed.name);
            let key = format!("feed[{i}].columns");
            found.push(complaint(key, message, "remove it"));
        }
    }
    found
}

fn week_order(spec: &RunSpec) -> Option<Complaint> {
    let (from, to) = (spec.prepare.weeks.from?, spec.prepare.weeks.to?);
    (from > to).then(|| {
        let message = format!("`from` in [prepare].weeks is {from}, which is after `to`, {to}");
        complaint(
            "prepare.weeks.from",
            message,
            "both weeks are included; swap them",
        )
    })
}

fn names(spec: &RunSpec) -> Vec<Complaint> {
    let mut found = Vec::new();
    let checks = spec.check.iter().map(|c| c.name.as_str());
    found.extend(duplicates("check", "name", checks));
    let feeds = spec.feed.iter().map(|f| f.name.as_str());
    found.extend(duplicates("feed", "name", feeds));
    let trains = spec.train.iter().map(|t| t.name.as_str());
    found.extend(duplicates("train", "name", trains));
    found.extend(baseline::names(spec));
    let mut seen = BTreeSet::new();
    for (i, k) in spec
        .evaluate
        .k
        .iter()
        .enumerate()
        .filter(|(_, k)| !seen.insert(**k))
    {
        found.push(complaint(
            format!("evaluate.k[{i}]"),
            format!("`k` in [evaluate] has {k} twice"),
            "remove one",
        ));
    }
    found
}

fn duplicates<'n>(table: &str, key: &str, names: impl Iterator<Item = &'n str>) -> Vec<Complaint> {
    let mut seen = BTreeSet::new();
    let again = names.enumerate().filter(|(_, name)| !seen.insert(*name));
    again
        .map(|(i, name)| {
            let message = format!("two [[{table}]] have the {key} `{name}`");
            let help = "give this one another name";
            complaint(format!("{table}[{i}].{key}"), message, help)
        })
        .collect()
}

fn something_to_train(spec: &RunSpec) -> Vec<Complaint> {
    if !spec.train.is_empty() {
        return Vec::new();
    }
    spec.publish
        .iter()
        .map(|_| {
            let message = "[publish] needs a model, and the spec trains none";
            complaint("publish", message, "add a [[train]], or remove [publish]")
        })
        .collect()
}

/// Baselines and lists need a model that is asked what they are asked.
fn questions(spec: &RunSpec) -> Vec<Complaint> {
    let asked = |q| spec.train.iter().any(|t| t.model.question() == q);
    let mut found = Vec::new();
    for (i, baseline) in spec.baseline.iter().enumerate() {
        let useful = Question::ALL
            .into_iter()
            .any(|q| asked(q) && baseline.answers(q));
        if !useful && !spec.train.is_empty() {
            let name = baseline.name();
            let message = format!("no model of the spec can be compared with `{name}`");
            let help = if baseline.answers(Question::User) {
                "it ranks for users; train a model such as als"
            } else if baseline.answers(Question::Decision) {
                "it judges decisions; train a model such as wide-and-deep"
            } else {
                "it ranks for baskets; train a model such as prod2vec"
            };
            found.push(complaint(format!("baseline[{i}].model"), message, help));
        }
    }
    let knows_users = asked(Question::User) || asked(Question::Decision);
    if spec.recommend.is_some() && !knows_users {
        let message = "[recommend] needs a model that knows users, and the spec trains none";
        let help = "add a [[train]] with model = \"als\", or remove [recommend]";
        found.push(complaint("recommend", message, help));
    }
    if let Some(segments) = &spec.segments {
        let able = spec.train.iter().any(|t| t.model.has_user_vectors());
        found.extend(segmented(segments, able));
    }
    found
}

fn segmented(segments: &SegmentsSpec, able: bool) -> Option<Complaint> {
    if !able {
        let message = "[segments] needs a model with vectors of users, and the spec trains none";
        let help = "add a [[train]] with model = \"cust2vec\", or remove [segments]";
        return Some(complaint("segments", message, help));
    }
    let (least, most) = (segments.k_min, segments.k_max);
    (segments.k.is_none() && least > most).then(|| {
        let message = format!("`k_min` is {least}, which is above `k_max`, {most}");
        let help = "numbers of segments are tried from `k_min` to `k_max`; or give `k`";
        complaint("segments.k_min", message, help)
    })
}

fn learning_rates(path: &str, (first, last): (f64, f64)) -> Option<Complaint> {
    (last > first).then(|| {
        let message =
            format!("`min_learning_rate` is {last}, which is above `learning_rate`, {first}");
        complaint(
            format!("{path}.min_learning_rate"),
            message,
            "the learning rate falls from `learning_rate` to `min_learning_rate`",
        )
    })
}

/// The gate of `[publish]` judges every model that has none of its own.
fn gates(spec: &RunSpec) -> Vec<Complaint> {
    let mut found = Vec::new();
    for (i, train) in spec.train.iter().enumerate() {
        if let Some(gate) = &train.gate {
            let key = format!("train[{i}].gate");
            found.extend(gate_metrics(spec, &key, gate, [train]));
            found.extend(gate_owner(spec, &key, gate));
        }
    }
    if let Some(gate) = spec.publish.as_ref().and_then(|p| p.gate.as_ref()) {
        let key = "publish.gate";
        let judged = spec.train.iter().filter(|t| t.gate.is_none());
        found.extend(gate_metrics(spec, key, gate, judged));
        found.extend(gate_owner(spec, key, gate));
    }
    found
}

/// Each model that a gate judges must have its metrics.
fn gate_metrics<'s>(
    spec: &RunSpec,
    key: &str,
    gate: &Gate,
    judged: impl IntoIterator<Item = &'s TrainSpec>,
) -> Vec<Complaint> {
    let right = match gate.against {
        GateSide::Metric { metric, .. } if metric != gate.metric => Some(metric),
        _ => None,
    };
    let named = || std::iter::once(gate.metric).chain(right);
    let known = &spec.evaluate.k;
    let mut found = Vec::new();
    let places = named().filter_map(|m| match m {
        Metric::At(_, k) => Some((m, k)),
        Metric::Mrr100 | Metric::Decision(_) => None,
    });
    for (metric, k) in places.filter(|(_, k)| !known.contains(k)) {
        let message = format!("the gate names {metric}, and {k} is not in `k` of [evaluate]");
        let help = format!("add {k} to `k`, which is {known:?}");
        found.push(complaint(key, message, help));
    }
    for train in judged {
        let question = train.model.question();
        if let Some(metric) = named().find(|m| m.question() != question) {
            let own = Metric::of(question, known)
                .into_iter()
                .map(|m| m.to_string());
            let (name, model) = (&train.name, train.model.name());
            let message = format!(
                "the gate names {metric}, which `{name}`, a model of kind {model}, has not"
            );
            let help = format!(
                "give `{name}` a `gate` over {}",
                own.collect::<Vec<_>>().join(", ")
            );
            found.push(complaint(key, message, help));
        }
    }
    found
}

/// A baseline must be in the spec. Any other owner is an alias, and as an alias that does not exist
/// lets every model pass, a slip of the pen must not look like one.
fn gate_owner(spec: &RunSpec, key: &str, gate: &Gate) -> Option<Complaint> {
    let GateSide::Metric { who: Some(who), .. } = &gate.against else {
        return None;
    };
    if spec.baseline.iter().any(|b| b.name() == who) {
        return None;
    }
    if BaselineModel::from_name(who).is_some() {
        let message = format!("the gate compares with `{who}`, and the spec has no such baseline");
        let help = format!("add [[baseline]] with model = \"{who}\"");
        return Some(complaint(key, message, help));
    }
    let alias = spec.publish.as_ref().and_then(|p| p.alias.as_deref());
    if alias == Some(who) {
        return None;
    }
    let named = spec.baseline.iter().map(|b| b.name());
    let baselines = BaselineModel::ALL.map(BaselineModel::name).into_iter();
    let near =
        keys::nearest(who, named.chain(baselines)).or(alias.filter(|alias| is_slip(who, alias)))?;
    let message = format!(
        "the gate compares with `{who}`, which is neither a baseline nor the alias of [publish]"
    );
    Some(complaint(key, message, format!("did you mean `{near}`?")))
}

/// Whether two aliases differ by one letter that was lost, added, changed or swapped. Names that
/// are meant to differ do so in a number or an ending: `v1` and `v2`, `champion` and `champion-eu`.
fn is_slip(who: &str, alias: &str) -> bool {
    let letters = |name: &str| name.replace(|c: char| c.is_ascii_digit(), "");
    let ending = who.starts_with(alias) || alias.starts_with(who);
    !ending && strsim::damerau_levenshtein(&letters(who), &letters(alias)) == 1
}
