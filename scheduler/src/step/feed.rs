//! Feeds written down under their digests, where executors find them: those of the spec, each a step of
//! its own, and those that trainers read.

use pannier_proto::event::StepOutcome;
use pannier_proto::feed::{FeedSpec, Transform};
use pannier_proto::ids::FIRST_ITEM;
use pannier_proto::manifest::TableManifest;
use pannier_proto::objects;
use pannier_proto::spec::{ModelSpec, NamedFeedSpec, TrainSpec};

use super::{StepFailure, StepResult, check};
use crate::driver::StepRun;
use crate::{feeds, neighbours};

/// Rows of a step where nothing is learned from them.
const SELECT_ROWS: u64 = 4096;

/// Writes a feed of the spec.
pub async fn make(run: &StepRun, named: &NamedFeedSpec, columns: &[String]) -> StepResult {
    let table = check::manifest(run, named.table()).await?;
    let counts = if named.needs_counts() {
        item_counts(run).await?
    } else {
        Vec::new()
    };
    let seed = run.record.plan.spec.seed;
    let feed = feeds::feed(named, columns, &table, seed, &counts);
    let there = !put(run, &feed).await?;
    let outcome = StepOutcome::Feed {
        digest: feed.digest(),
        transform: feed.transform.name().to_owned(),
        rows: feed.rows(),
        steps: feed.steps(),
    };
    Ok((outcome, there))
}

/// The feed that a training reads: a function of its params and of the tables' versions.
pub async fn training(run: &StepRun, train: &TrainSpec) -> Result<FeedSpec, StepFailure> {
    let ModelSpec::Prod2vec(params) = &train.model;
    let baskets = check::manifest(run, "train_baskets").await?;
    let keep = if params.subsample > 0.0 {
        feeds::keep_chances(&item_counts(run).await?, params.subsample)
    } else {
        Vec::new()
    };
    Ok(FeedSpec {
        columns: vec!["items".into()],
        transform: Transform::Pairs {
            window: feeds::pair_window(params.window),
            first_item: FIRST_ITEM,
            keep,
            negatives: None,
        },
        seed: run.record.plan.spec.seed,
        shuffle: true,
        batch_rows: u64::from(params.batch_baskets),
        ..FeedSpec::new(&baskets.table, &baskets.version, baskets.row_groups())
    })
}

/// All rows of a table, some columns of each, in its order.
pub fn select(table: &TableManifest, columns: &[&str], seed: u64) -> FeedSpec {
    FeedSpec {
        columns: columns.iter().map(ToString::to_string).collect(),
        seed,
        batch_rows: SELECT_ROWS,
        ..FeedSpec::new(&table.table, &table.version, table.row_groups())
    }
}

/// Writes a feed down, and says whether it was not there yet.
pub async fn put(run: &StepRun, feed: &FeedSpec) -> Result<bool, StepFailure> {
    let path = objects::feed(&feed.digest());
    let warehouse = run.context.jobs.warehouse();
    Ok(warehouse.put_json_if_absent(&path, feed).await?)
}

/// Train-basket counts by item index.
async fn item_counts(run: &StepRun) -> Result<Vec<u64>, StepFailure> {
    let vocab = check::manifest(run, "vocab").await?;
    Ok(neighbours::counts(run.context.jobs.warehouse(), &vocab).await?)
}
