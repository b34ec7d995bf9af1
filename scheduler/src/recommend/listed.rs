//! What a model recommends that has no vectors of users: the newest committed list of the user. It must
//! not rank anything.

use std::collections::HashMap;

use datafusion::arrow::array::AsArray;
use datafusion::arrow::datatypes::{DataType, Float32Type, UInt32Type};
use datafusion::prelude::{cast, col, lit};
use pannier_proto::event::{RunEventKind, StepOutcome};
use pannier_proto::objects;
use pannier_proto::status::ModelInfo;
use tokio_util::sync::CancellationToken;

use super::{Asked, Ranked, Recommended};
use crate::error::SchedulerError;
use crate::jobs::Jobs;
use crate::neighbours::{Item, Vectors};
use crate::plan;
use crate::published::published;
use crate::store::Store;

/// Lists that a run made, or found.
struct Lists {
    run_id: String,
    table: String,
    version: String,
}

/// A place of a user's list.
struct Place {
    rank: u32,
    item_id: String,
    score: f32,
    bought: bool,
    known: bool,
}

/// The first `top` items of a user's list; of a user who has none, what is bought most.
///
/// # Errors
/// Where the model ranks for baskets, nobody has lists of it yet, or items are to speak for the user.
pub async fn listed(
    (store, jobs): (&Store, &Jobs),
    model: &ModelInfo,
    asked: &Asked<'_>,
    top: usize,
) -> Result<Recommended, SchedulerError> {
    let name = format!("{}@{}", model.model, model.version);
    let of = published(store, &name)?;
    if !plan::is_listed(&of.train.model) {
        return Err(SchedulerError::NotFound(format!(
            "the model {} is a {}, which knows items and no users; `pannier similar` finds what is near an item",
            model.model, model.kind
        )));
    }
    if !asked.items.is_empty() {
        return Err(SchedulerError::Refused(format!(
            "the model {} is a {}: it answers from the lists of its users, and items cannot speak for one; leave out --item",
            model.model, model.kind
        )));
    }
    let lists = newest(store, model)?.ok_or_else(|| {
        SchedulerError::NotFound(format!(
            "the model {} is a {}, which answers from lists of its users, and version {} has none yet; `pannier predict --model {name}` makes them",
            model.model, model.kind, model.version
        ))
    })?;
    let mut places = of_user(jobs, &lists, asked.user).await?;
    let folder = objects::artifact_dir(&model.model, model.version);
    let items = Vectors::read(jobs.warehouse(), &folder).await?.items;
    let unknown = places.iter().all(|place| !place.known);
    let best = if places.is_empty() {
        most_bought(items, top)
    } else {
        places.retain(|place| !(asked.new_only && place.bought));
        places.truncate(top);
        ranked(places, items)
    };
    Ok(Recommended {
        unknown,
        items: best,
        listed_by: Some(lists.run_id),
        probabilities: of.train.model.gives_probabilities(),
    })
}

/// The lists that a run made or found last.
fn newest(store: &Store, model: &ModelInfo) -> Result<Option<Lists>, SchedulerError> {
    let events = store.finished("listed")?.into_iter().rev();
    let of_model = |event: pannier_proto::event::RunEvent| match event.kind {
        RunEventKind::StepFinished {
            result:
                StepOutcome::Listed {
                    model: name,
                    model_version,
                    table,
                    version,
                    ..
                },
            ..
        } if name == model.model && model_version == model.version => Some(Lists {
            run_id: event.run_id,
            table,
            version,
        }),
        _ => None,
    };
    Ok(events.filter_map(of_model).next())
}

/// A user's list, best first.
async fn of_user(jobs: &Jobs, lists: &Lists, user: &str) -> Result<Vec<Place>, SchedulerError> {
    let context = jobs.context()?;
    jobs.register(&context, &lists.table, &lists.version)
        .await?;
    let columns = ["rank", "item_id", "score", "bought", "known"];
    let rows = context
        .table(&lists.table)
        .await?
        // Ids are what the source has: numbers, too.
        .filter(cast(col("user_id"), DataType::Utf8).eq(lit(user)))?
        .select(columns.map(col).to_vec())?;
    let plan = rows.into_optimized_plan()?;
    let mut places = Vec::new();
    for batch in jobs
        .query(&context, plan, &CancellationToken::new())
        .await?
    {
        let rank = batch.column(0).as_primitive::<UInt32Type>();
        let item = batch.column(1).as_string::<i32>();
        let score = batch.column(2).as_primitive::<Float32Type>();
        let (bought, known) = (batch.column(3).as_boolean(), batch.column(4).as_boolean());
        places.extend((0..batch.num_rows()).map(|row| Place {
            rank: rank.value(row),
            item_id: item.value(row).to_owned(),
            score: score.value(row),
            bought: bought.value(row),
            known: known.value(row),
        }));
    }
    places.sort_by_key(|place| place.rank);
    Ok(places)
}

/// Items as they stand, which is by how often they are bought.
fn most_bought(items: Vec<Item>, top: usize) -> Vec<Ranked> {
    let first = items.into_iter().take(top);
    first.map(|item| Ranked::new(item, 0.0)).collect()
}

/// A list with what the model knows of its items.
fn ranked(places: Vec<Place>, items: Vec<Item>) -> Vec<Ranked> {
    let by_id = items.into_iter().map(|item| (item.item_id.clone(), item));
    let mut items: HashMap<String, Item> = by_id.collect();
    let ranked = places.into_iter().filter_map(|place| {
        let item = items.remove(&place.item_id)?;
        Some(Ranked {
            bought: Some(place.bought),
            ..Ranked::new(item, place.score)
        })
    });
    ranked.collect()
}
