//! What to offer a user now: every item scored in the user's context, at the item's price.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::arrow::array::AsArray;
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::prelude::{col, lit};
use pannier_engine::catalog;
use pannier_proto::ids::UNK;
use pannier_proto::manifest::ArtifactManifest;
use pannier_proto::objects;
use pannier_proto::status::ModelInfo;
use pannier_wide_deep::Rows;

use super::Offers;
use super::audience::Users;
use super::best::Best;
use super::context::Given;
use crate::error::SchedulerError;
use crate::jobs::Jobs;
use crate::recommend::{Asked, Ranked, Recommended, of_user};

/// The `top` items for a user in a context. A user whom the model has not met is scored as any user.
///
/// # Errors
/// Where the model's files cannot be read, and for a context that it does not know.
pub async fn recommend(
    jobs: &Jobs,
    info: &ModelInfo,
    asked: &Asked<'_>,
    top: usize,
) -> Result<Recommended, SchedulerError> {
    let offers = Offers::read(jobs.warehouse(), info).await?;
    if !asked.items.is_empty() {
        let text =
            "this model decides in a context, not by what lies in a basket: leave --item out";
        return Err(SchedulerError::Sql(text.into()));
    }
    let columns = offers.model.context();
    let given = Given::new(asked.context, columns)?;
    let user = user(jobs, &offers, asked.user).await?;
    let mut out = BTreeSet::new();
    if asked.new_only {
        out = bought(jobs, info, asked.user).await?;
    }
    let (index, own) = match &user {
        Some(user) => (user.indices[0], user.own(0)),
        None => (UNK, &[][..]),
    };
    let count = offers.items.items.len();
    let mut contexts = vec![0.0; count * columns.len()];
    for (at, place) in contexts.chunks_exact_mut(columns.len().max(1)).enumerate() {
        let given = given.clone().with_price(offers.items.prices[at], columns);
        given.fill(own, offers.model.means(), place);
    }
    let scores = offers.score(Rows {
        users: &vec![index; count],
        items: &offers.items.indices,
        categories: &offers.items.categories,
        context: &contexts,
    })?;
    let mut best = Best::new(top);
    for (item, score) in offers.items.items.iter().zip(scores) {
        if !out.contains(&item.item_id) {
            best.push(score, || item.clone());
        }
    }
    let ranked = best.finish().into_iter();
    Ok(Recommended {
        unknown: user.is_none(),
        items: ranked
            .map(|(item, score)| Ranked::new(item, score))
            .collect(),
        listed_by: None,
        probabilities: true,
    })
}

/// A user whom the model has met.
async fn user(jobs: &Jobs, offers: &Offers, user: &str) -> Result<Option<Users>, SchedulerError> {
    let columns = offers.model.context();
    let own = columns
        .iter()
        .map(|name| Field::new(name, DataType::Float32, true));
    let known = [("user_id", DataType::Utf8), ("user_idx", DataType::UInt32)];
    let known = known.map(|(name, of)| Field::new(name, of, true));
    let schema = Arc::new(Schema::new(
        known.into_iter().chain(own).collect::<Vec<_>>(),
    ));
    let names: Vec<String> = schema.fields().iter().map(|f| f.name().clone()).collect();
    let path = format!("{}/users.parquet", offers.folder);
    let context = jobs.context()?;
    let users = context.read_table(catalog::object(jobs.warehouse(), &path, schema).await?)?;
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let rows = of_user(jobs, &context, users, user, &names).await?;
    rows.first()
        .map(|batch| Users::of(batch, columns))
        .transpose()
}

/// Ids of what a user bought of what was offered in training.
async fn bought(
    jobs: &Jobs,
    info: &ModelInfo,
    user: &str,
) -> Result<BTreeSet<String>, SchedulerError> {
    let manifest: ArtifactManifest = jobs
        .warehouse()
        .get_json(&objects::artifact_manifest(&info.model, info.version))
        .await?;
    let version = manifest.tables.get("decisions").ok_or_else(|| {
        SchedulerError::NotFound("the model's manifest names no table decisions".into())
    })?;
    let context = jobs.context()?;
    jobs.register(&context, "decisions", version).await?;
    let bought = context.table("decisions").await?;
    let bought = bought.filter(
        col("label")
            .gt(lit(0.0f32))
            .and(col("split").eq(lit("train"))),
    )?;
    let rows = of_user(jobs, &context, bought, user, &["item_id"]).await?;
    let mut items = BTreeSet::new();
    for batch in &rows {
        let ids = datafusion::arrow::compute::cast(batch.column(0), &DataType::Utf8)
            .map_err(|e| SchedulerError::Failed(e.to_string()))?;
        let ids = ids.as_string::<i32>();
        items.extend(ids.iter().flatten().map(str::to_owned));
    }
    Ok(items)
}
