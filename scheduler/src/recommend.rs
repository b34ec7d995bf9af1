//! What a published model recommends to one user: the cluster finds the user's vector, and what the
//! user bought where that is to be left out; the items are ranked here, a table of thousands. A model
//! without vectors of users answers from its newest lists.

mod listed;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use datafusion::arrow::array::AsArray;
use datafusion::arrow::datatypes::{DataType, Field, Float32Type, Schema, UInt32Type};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::dataframe::DataFrame;
use datafusion::prelude::{SessionContext, col, lit};
use pannier_engine::catalog;
use pannier_proto::ids::FIRST_ITEM;
use pannier_proto::manifest::ArtifactManifest;
use pannier_proto::objects;
use pannier_proto::status::ModelInfo;
use tokio_util::sync::CancellationToken;

use crate::error::SchedulerError;
use crate::jobs::Jobs;
use crate::neighbours::{Item, Vectors};
use crate::offers;
use crate::store::Store;

/// Who asks for a list.
pub struct Asked<'a> {
    /// The user's id.
    pub user: &'a str,
    /// Items, by id or name, that speak for a user whom the model has not met.
    pub items: &'a [String],
    /// What is known of the moment, by column, for models that decide in a context.
    pub context: &'a BTreeMap<String, f64>,
    /// Leaves out what the user has bought, and `items`.
    pub new_only: bool,
}

/// The list of a user.
pub struct Recommended {
    /// The model has not met the user: the items are those nearest to the items asked with, and without
    /// any the most bought ones.
    pub unknown: bool,
    /// Best first.
    pub items: Vec<Ranked>,
    /// The run whose lists answered, where the model did not.
    pub listed_by: Option<String>,
    /// Scores are the probabilities of being bought.
    pub probabilities: bool,
}

/// An item of a list.
pub struct Ranked {
    /// The item.
    pub item: Item,
    /// The model's score.
    pub score: f32,
    /// Whether the user has bought it, where somebody looked.
    pub bought: Option<bool>,
}

impl Ranked {
    /// Nobody looked whether it was bought.
    pub fn new(item: Item, score: f32) -> Self {
        Self {
            item,
            score,
            bought: None,
        }
    }
}

/// The `top` items for a user. Of a user whom the model has not met, the mean vector of the items asked
/// with takes the place of the user's; without items the list is what is bought most.
///
/// # Errors
/// Where the model knows no users or no such item, it has no lists yet, or its files cannot be read.
pub async fn recommend(
    (store, jobs): (&Store, &Jobs),
    model: &ModelInfo,
    asked: &Asked<'_>,
    top: usize,
) -> Result<Recommended, SchedulerError> {
    if model.kind == offers::KIND {
        return offers::recommend(jobs, model, asked, top).await;
    }
    if let Some(name) = asked.context.keys().next() {
        return Err(SchedulerError::Sql(format!(
            "the model {} is a {}, which knows no context: leave {name} out",
            model.model, model.kind
        )));
    }
    let warehouse = jobs.warehouse();
    let manifest: ArtifactManifest = warehouse
        .get_json(&objects::artifact_manifest(&model.model, model.version))
        .await?;
    if manifest.file(USERS).is_none() {
        return listed::listed((store, jobs), model, asked, top).await;
    }
    let folder = objects::artifact_dir(&model.model, model.version);
    let vectors = Vectors::read(warehouse, &folder).await?;
    let items = asked.items.iter().map(|item| vectors.find(item));
    let items: Vec<usize> = items.collect::<Result<_, _>>()?;
    let own = user_vector(jobs, &folder, asked.user).await?;
    let unknown = own.is_none();
    let mut out = BTreeSet::new();
    if asked.new_only {
        out = bought(jobs, &manifest, asked.user).await?;
        out.extend(&items);
    }
    let best = match own.or_else(|| vectors.mean(&items)) {
        Some(vector) => vectors.best(&vector, &out, top)?,
        // Items stand by how often they are bought.
        None => (0..vectors.items.len().min(top))
            .map(|at| (at, 0.0))
            .collect(),
    };
    let item = |(at, score): (usize, f32)| Ranked::new(vectors.items[at].clone(), score);
    Ok(Recommended {
        unknown,
        items: best.into_iter().map(item).collect(),
        listed_by: None,
        probabilities: false,
    })
}

const USERS: &str = "users.parquet";

async fn user_vector(
    jobs: &Jobs,
    folder: &str,
    user: &str,
) -> Result<Option<Vec<f32>>, SchedulerError> {
    let context = jobs.context()?;
    let element = Arc::new(Field::new("element", DataType::Float32, true));
    let schema = Arc::new(Schema::new(vec![
        Field::new("user_id", DataType::Utf8, true),
        Field::new("vector", DataType::List(element), true),
    ]));
    let path = format!("{folder}/{USERS}");
    let users = catalog::object(jobs.warehouse(), &path, schema).await?;
    let rows = of_user(
        jobs,
        &context,
        context.read_table(users)?,
        user,
        &["vector"],
    )
    .await?;
    let vector = rows.first().map(|batch| {
        let vectors = batch.column(0).as_list::<i32>();
        vectors
            .value(0)
            .as_primitive::<Float32Type>()
            .values()
            .to_vec()
    });
    Ok(vector)
}

/// Places of what a user bought in the training's baskets.
async fn bought(
    jobs: &Jobs,
    manifest: &ArtifactManifest,
    user: &str,
) -> Result<BTreeSet<usize>, SchedulerError> {
    let version = manifest.tables.get("counts");
    let version = version.ok_or_else(|| {
        SchedulerError::NotFound("the model's manifest names no table counts".into())
    })?;
    let context = jobs.context()?;
    jobs.register(&context, "counts", version).await?;
    let counts = context.table("counts").await?;
    let rows = of_user(jobs, &context, counts, user, &["item_idx"]).await?;
    let items = rows
        .iter()
        .flat_map(|batch| batch.column(0).as_primitive::<UInt32Type>().values());
    Ok(items.map(|item| (item - FIRST_ITEM) as usize).collect())
}

/// Columns of a user's rows; batches without rows are left out.
///
/// # Errors
/// Where the query fails.
pub async fn of_user(
    jobs: &Jobs,
    context: &SessionContext,
    table: DataFrame,
    user: &str,
    columns: &[&str],
) -> Result<Vec<RecordBatch>, SchedulerError> {
    let rows = table
        .filter(col("user_id").eq(lit(user)))?
        .select_columns(columns)?;
    let plan = rows.into_optimized_plan()?;
    let mut rows = jobs.query(context, plan, &CancellationToken::new()).await?;
    rows.retain(|batch| batch.num_rows() > 0);
    Ok(rows)
}
