//! Feeds of a spec: whether they fit their tables before any work starts, and what they are once the
//! tables are there. Pure but for the planning of SQL; reads nothing.

use std::collections::BTreeMap;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{Schema, SchemaRef};
use pannier_engine::row_sql::RowSql;
use pannier_feed::transform::{Maker, RANDOM, ROW, gathered_schema};
use pannier_proto::feed::{FeedSpec, Noise, PairWindow, Transform};
use pannier_proto::ids::FIRST_ITEM;
use pannier_proto::manifest::TableManifest;
use pannier_proto::spec::{
    NamedFeedSpec, SpecError, SpecProblem, SpecSource, TransformSpec, WindowSpec,
};

use crate::check::hint;
use crate::error::SchedulerError;
use crate::plan::{RunPlan, StepKind, StepPlan};

/// Counts of a made-up vocab of one item, to try a transform with.
const SOME: [u64; 3] = [0, 0, 1];

/// Columns that a feed reads, as far as its spec alone says.
#[must_use]
pub fn columns(feed: &NamedFeedSpec) -> Vec<String> {
    let own: &[&str] = match feed.transform {
        TransformSpec::Select {} | TransformSpec::Sql(_) => &[],
        TransformSpec::Pairs(_) => &["items"],
        TransformSpec::Sequences(_) => &["baskets", "train", "valid"],
        TransformSpec::Counts(_) => &["user_id", "item_idx", "count"],
        TransformSpec::Interactions(_) => &["item_idx", "split"],
    };
    let own = own.iter().map(ToString::to_string);
    own.chain(feed.columns().iter().cloned()).collect()
}

/// The step that writes a feed of the spec down, after `inputs` were checked.
#[must_use]
pub fn step(feed: &NamedFeedSpec, inputs: &str) -> StepPlan {
    let mut after = vec![inputs.to_owned(), format!("table:{}", feed.table())];
    if feed.needs_counts() {
        after.push("table:vocab".to_owned());
    }
    let columns = columns(feed);
    let feed = feed.clone();
    StepPlan {
        id: format!("feed:{}", feed.name),
        after,
        kind: StepKind::Feed { feed, columns },
    }
}

/// The transform; `counts` are by item index, PAD and UNK among them.
#[must_use]
pub fn transform(feed: &TransformSpec, counts: &[u64]) -> Transform {
    let noise = |draws: u32, power: f64| {
        (draws > 0).then(|| Noise {
            draws,
            power,
            counts: counts.iter().skip(FIRST_ITEM as usize).copied().collect(),
        })
    };
    match feed {
        TransformSpec::Select {} => Transform::Select,
        TransformSpec::Pairs(p) => Transform::Pairs {
            window: pair_window(p.window),
            first_item: FIRST_ITEM,
            keep: if p.subsample > 0.0 {
                keep_chances(counts, p.subsample)
            } else {
                Vec::new()
            },
            negatives: noise(p.negatives, p.power),
        },
        TransformSpec::Sequences(p) => Transform::Sequences {
            part: p.part,
            target: p.target,
            max_history: p.max_history,
        },
        TransformSpec::Counts(p) => Transform::Counts {
            alpha: p.alpha as f32,
            negatives: noise(p.negatives, p.power),
        },
        TransformSpec::Interactions(p) => Transform::Interactions {
            part: p.part,
            negatives: noise(p.negatives, p.power),
        },
        TransformSpec::Sql(p) => Transform::Sql { sql: p.sql.clone() },
    }
}

/// A spec's window as a feed has it.
#[must_use]
pub fn pair_window(window: WindowSpec) -> PairWindow {
    match window {
        WindowSpec::Items(n) => PairWindow::Items(n),
        WindowSpec::Basket => PairWindow::Basket,
    }
}

/// The feed over a table version.
#[must_use]
pub fn feed(
    named: &NamedFeedSpec,
    columns: &[String],
    table: &TableManifest,
    seed: u64,
    counts: &[u64],
) -> FeedSpec {
    FeedSpec {
        columns: columns.to_vec(),
        transform: transform(&named.transform, counts),
        seed,
        shuffle: named.shuffle,
        batch_rows: named.batch_rows,
        window_rows: named.window_rows,
        last: named.last,
        ..FeedSpec::new(&table.table, &table.version, table.row_groups())
    }
}

/// word2vec's chance to keep an item of relative frequency f: sqrt(t/f) + t/f (Mikolov et al.'s
/// C code; the paper's formula lacks the second term), in 1/2^32.
#[must_use]
pub fn keep_chances(counts: &[u64], threshold: f64) -> Vec<u32> {
    let total: f64 = counts.iter().map(|c| *c as f64).sum();
    let chance = |count: &u64| {
        if *count == 0 {
            return u32::MAX;
        }
        let ratio = threshold * total / *count as f64;
        ((ratio.sqrt() + ratio).min(1.0) * f64::from(u32::MAX)) as u32
    };
    counts.iter().map(chance).collect()
}

/// Holds the feeds of a plan against the columns of the tables it will make, and fills in which
/// columns the SQL of a feed reads.
///
/// # Errors
/// `Spec` for feeds that do not fit, each at its key.
pub async fn fit(
    source: &SpecSource,
    plan: &mut RunPlan,
    schemas: &BTreeMap<String, SchemaRef>,
) -> Result<(), SchedulerError> {
    let tables: Vec<String> = plan.tables().into_keys().collect();
    let mut problems: Vec<SpecProblem> = Vec::new();
    let own = plan.spec.feed.clone();
    for step in &mut plan.steps {
        let StepKind::Feed { feed, columns } = &mut step.kind else {
            continue;
        };
        let at = own.iter().position(|f| f == feed).unwrap_or_default();
        let schema = schemas.get(feed.table());
        let found = match schema {
            None => unknown_table(feed, &tables),
            Some(schema) => wrong(feed, columns, schema).await,
        };
        if let Some((key, message, help)) = found {
            let message = format!("feed `{}`: {message}", feed.name);
            let error = source.error_at(&format!("feed[{at}].{key}"), message, help);
            problems.extend(error.problems);
        }
    }
    SpecError::from_problems(problems).map_or(Ok(()), |error| Err(error.into()))
}

/// The key that is wrong, what is wrong with it, and what to do.
type Wrong = (&'static str, String, Option<String>);

fn key_of_table(feed: &NamedFeedSpec) -> &'static str {
    if feed.table.is_some() {
        "table"
    } else {
        "transform"
    }
}

fn unknown_table(feed: &NamedFeedSpec, tables: &[String]) -> Option<Wrong> {
    let table = feed.table();
    if tables.iter().any(|t| t == table) {
        // Its SQL could not be planned: what is wrong is said where the table is made.
        return None;
    }
    let help = hint(table, tables.iter().map(String::as_str), "its tables are");
    let message = format!("this run makes no table `{table}`");
    Some((key_of_table(feed), message, help))
}

async fn wrong(
    feed: &NamedFeedSpec,
    columns: &mut Vec<String>,
    table: &SchemaRef,
) -> Option<Wrong> {
    if let TransformSpec::Sql(params) = &feed.transform {
        let rows = gathered_schema(table, &transform(&feed.transform, &[]));
        return match RowSql::plan(&params.sql, rows).await {
            Ok(sql) => {
                *columns = sql_columns(&sql, table);
                None
            }
            Err(e) => Some(("params.sql", format!("its SQL: {e}"), None)),
        };
    }
    for column in columns.iter() {
        if table.field_with_name(column).is_err() {
            let known = table.fields().iter().map(|f| f.name().as_str());
            let help = hint(column, known, "its columns are");
            let key = if feed.columns().contains(column) {
                "columns"
            } else {
                key_of_table(feed)
            };
            let message = format!("table {} has no column `{column}`", feed.table());
            return Some((key, message, help));
        }
    }
    let fields = columns.iter().filter_map(|c| table.field_with_name(c).ok());
    let read = Schema::new(fields.cloned().collect::<Vec<_>>());
    let transform = transform(&feed.transform, &SOME);
    let rows = RecordBatch::new_empty(gathered_schema(&read, &transform));
    let made = Maker::new(&transform).and_then(|maker| maker.make(&rows));
    let help = format!("table {} does not have what it takes", feed.table());
    made.err()
        .map(|e| (key_of_table(feed), e.to_string(), Some(help)))
}

/// Columns of the table that a query looks at; one at least, which says how many rows there are.
fn sql_columns(sql: &RowSql, table: &SchemaRef) -> Vec<String> {
    let reads = sql.reads();
    let of_table = |c: &String| c != ROW && c != RANDOM;
    let mut columns: Vec<String> = reads.into_iter().filter(of_table).collect();
    if columns.is_empty() {
        columns.extend(table.fields().first().map(|f| f.name().clone()));
    }
    columns
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rare_items_stay_and_frequent_ones_thin_out() {
        let keep = keep_chances(&[0, 0, 900, 90, 10], 0.05);
        assert_eq!(keep[4], u32::MAX);
        let share = f64::from(keep[2]) / f64::from(u32::MAX);
        assert!(
            (share - ((0.05f64 / 0.9).sqrt() + 0.05 / 0.9)).abs() < 1e-6,
            "{share}"
        );
    }
}
