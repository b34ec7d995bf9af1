//! Feeds written down under their digests, where executors find them: those of the spec, each a step of
//! its own, and those that trainers read.

use pannier_proto::event::StepOutcome;
use pannier_proto::feed::{FeedSpec, Part, Target, Transform};
use pannier_proto::ids::FIRST_ITEM;
use pannier_proto::manifest::TableManifest;
use pannier_proto::objects;
use pannier_proto::spec::{
    AttentionLstmParams, ModelSpec, NamedFeedSpec, Prod2vecParams, TrainSpec,
};

use super::{StepFailure, StepResult, check, decisions};
use crate::driver::StepRun;
use crate::error::SchedulerError;
use crate::{feeds, neighbours};

/// Rows of a step where nothing is learned from them.
const SELECT_ROWS: u64 = 4096;
/// Counts of a step: they are few bytes each.
const COUNTS_ROWS: u64 = 65_536;
const COUNTS_ORDER: [&str; 2] = ["user_id", "item_idx"];

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
    match &train.model {
        ModelSpec::Prod2vec(params) => pairs(run, params).await,
        ModelSpec::Als(_) => counts(run).await,
        ModelSpec::Cust2vec(_) => {
            let sequences = check::manifest(run, "sequences").await?;
            let columns = ["user_id", "baskets", "train"];
            Ok(select(&sequences, &columns, run.record.plan.spec.seed))
        }
        ModelSpec::WideDeep(params) => decisions::training(run, params).await,
        ModelSpec::AttentionLstm(params) => {
            let drawn = (Part::Train, Target::Random);
            let feed = next_baskets(run, params, drawn).await?;
            Ok(FeedSpec {
                shuffle: true,
                ..feed
            })
        }
    }
}

/// The feed of what a training is measured on after every epoch, where something is held out for that.
pub async fn validation(run: &StepRun, train: &TrainSpec) -> Result<Option<FeedSpec>, StepFailure> {
    match &train.model {
        ModelSpec::AttentionLstm(params) if run.record.plan.spec.split.validates() => {
            let last = (Part::Valid, Target::Last);
            Ok(Some(next_baskets(run, params, last).await?))
        }
        ModelSpec::WideDeep(params) => decisions::validation(run, params).await,
        _ => Ok(None),
    }
}

/// The feed of all users' baskets, where a training compares users by them.
pub async fn sequences(run: &StepRun, train: &TrainSpec) -> Result<Option<FeedSpec>, StepFailure> {
    match &train.model {
        ModelSpec::AttentionLstm(params) if params.neighbours > 0 => {
            let sequences = check::manifest(run, "sequences").await?;
            let columns = ["user_id", "baskets", "train", "valid"];
            Ok(Some(select(
                &sequences,
                &columns,
                run.record.plan.spec.seed,
            )))
        }
        _ => Ok(None),
    }
}

/// Users' baskets, one of a part and those before it.
async fn next_baskets(
    run: &StepRun,
    params: &AttentionLstmParams,
    (part, target): (Part, Target),
) -> Result<FeedSpec, StepFailure> {
    let sequences = check::manifest(run, "sequences").await?;
    let mut columns = vec!["baskets", "train", "valid"];
    if params.neighbours > 0 {
        // Nobody is their own neighbour.
        columns.push("user_id");
    }
    Ok(FeedSpec {
        transform: Transform::Sequences {
            part,
            target,
            max_history: params.max_history,
        },
        batch_rows: u64::from(params.batch),
        ..select(&sequences, &columns, run.record.plan.spec.seed)
    })
}

/// Pairs of the items of baskets.
async fn pairs(run: &StepRun, params: &Prod2vecParams) -> Result<FeedSpec, StepFailure> {
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

/// All counts, user after user.
async fn counts(run: &StepRun) -> Result<FeedSpec, StepFailure> {
    let counts = check::manifest(run, "counts").await?;
    if counts.key != ["user_id"] || !counts.sort.starts_with(&COUNTS_ORDER.map(str::to_owned)) {
        let found = format!("key {:?}, sort {:?}", counts.key, counts.sort);
        let reason = format!(
            "the training reads the table counts user after user: give it key [\"user_id\"] and sort {COUNTS_ORDER:?}; it has {found}"
        );
        return Err(SchedulerError::Failed(reason).into());
    }
    let columns = ["user_id", "item_idx", "count"];
    Ok(FeedSpec {
        batch_rows: COUNTS_ROWS,
        ..select(&counts, &columns, run.record.plan.spec.seed)
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
