//! Whom to tell about an offer: every user scored with it in their own context.

use std::collections::BTreeMap;

use datafusion::arrow::array::{Array, AsArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Float32Type, UInt32Type};
use datafusion::arrow::record_batch::RecordBatch;
use pannier_engine::warehouse::Warehouse;
use pannier_proto::ids::UNK;
use pannier_proto::status::ModelInfo;
use pannier_wide_deep::Rows;

use super::Offers;
use super::best::Best;
use super::context::Given;
use crate::error::SchedulerError;
use crate::neighbours::{column, each};

/// An offer.
#[derive(Debug, Clone, Default)]
pub struct Offer<'a> {
    /// The item, by id or name.
    pub item: &'a str,
    /// Its price; the item's own unless given.
    pub price: Option<f64>,
    /// Its category; the item's own unless given.
    pub category: Option<&'a str>,
    /// What else is known of the moment, by column.
    pub context: BTreeMap<String, f64>,
}

/// Whom it is for.
#[derive(Debug)]
pub struct Audience {
    /// Raw id of the item.
    pub item_id: String,
    /// Its name, or the id.
    pub name: String,
    /// The model has not met the item.
    pub unknown: bool,
    /// The price that was reckoned with, where the model knows prices.
    pub price: Option<f32>,
    /// The category that was reckoned with; empty where it is not known.
    pub category: String,
    /// Users that were scored.
    pub users: u64,
    /// Users with their probabilities, best first.
    pub best: Vec<(String, f32)>,
}

/// The `top` users for an offer. An item that the model has not met is any item of its price and
/// category.
///
/// # Errors
/// Where the model decides about no offers or its files cannot be read; for a category or context that it
/// does not know, and an item's name that fits several.
pub async fn audience(
    warehouse: &Warehouse,
    info: &ModelInfo,
    offer: &Offer<'_>,
    top: usize,
) -> Result<Audience, SchedulerError> {
    let offers = Offers::read(warehouse, info).await?;
    let columns = offers.model.context();
    let at = offers.items.find(offer.item)?;
    let mut context = offer.context.clone();
    if let Some(price) = offer.price {
        context.insert(crate::decisions::PRICE.to_owned(), price);
    }
    let usual = at.and_then(|at| offers.items.prices[at]);
    let given = Given::new(&context, columns)?.with_price(usual, columns);
    let (category, category_idx) = match (offer.category, at) {
        (Some(name), _) => offers.items.category(name)?,
        (None, Some(at)) => {
            let index = offers.items.categories[at];
            (offers.items.category_name(index).to_owned(), index)
        }
        (None, None) => (String::new(), UNK),
    };
    let item_idx = at.map_or(UNK, |at| offers.items.indices[at]);
    let mut best = Best::new(top);
    let path = format!("{}/users.parquet", offers.folder);
    for batch in each(warehouse, &path).await? {
        let users = Users::of(&batch?, columns)?;
        let rows = users.indices.len();
        let mut context = vec![0.0; rows * columns.len()];
        for (row, place) in context.chunks_exact_mut(columns.len().max(1)).enumerate() {
            given.fill(users.own(row), offers.model.means(), place);
        }
        let scores = offers.score(Rows {
            users: &users.indices,
            items: &vec![item_idx; rows],
            categories: &vec![category_idx; rows],
            context: &context,
        })?;
        for (row, score) in scores.into_iter().enumerate() {
            best.push(score, || users.ids[row].clone());
        }
    }
    let item = at.map(|at| offers.items.items[at].clone());
    let price = offers.price();
    Ok(Audience {
        item_id: item
            .as_ref()
            .map_or_else(|| offer.item.to_owned(), |i| i.item_id.clone()),
        name: item.map_or_else(|| offer.item.to_owned(), |i| i.name),
        unknown: at.is_none(),
        price: price.map(|at| given.of(at).unwrap_or(offers.model.means()[at])),
        category,
        users: best.seen(),
        best: best.finish(),
    })
}

/// Some users with their own contexts.
pub struct Users {
    /// Raw ids.
    pub ids: Vec<String>,
    /// Indices.
    pub indices: Vec<u32>,
    width: usize,
    own: Vec<Option<f32>>,
}

impl Users {
    /// Of an artifact's rows: user_id, user_idx, and the context's columns that are users' own.
    ///
    /// # Errors
    /// Where a column is missing or of another type.
    pub fn of(batch: &RecordBatch, columns: &[String]) -> Result<Self, SchedulerError> {
        let wrong = |e: datafusion::arrow::error::ArrowError| SchedulerError::Failed(e.to_string());
        let ids = cast(column(batch, "user_id")?, &DataType::Utf8).map_err(wrong)?;
        let ids = ids.as_string::<i32>();
        let indices = cast(column(batch, "user_idx")?, &DataType::UInt32).map_err(wrong)?;
        let mut own = vec![None; batch.num_rows() * columns.len()];
        for (at, name) in columns.iter().enumerate() {
            let Some(values) = batch.column_by_name(name) else {
                continue;
            };
            let values = cast(values, &DataType::Float32).map_err(wrong)?;
            for (row, value) in values.as_primitive::<Float32Type>().iter().enumerate() {
                own[row * columns.len() + at] = value;
            }
        }
        Ok(Self {
            ids: (0..ids.len())
                .map(|row| ids.value(row).to_owned())
                .collect(),
            indices: indices.as_primitive::<UInt32Type>().values().to_vec(),
            width: columns.len(),
            own,
        })
    }

    /// What is known of one.
    #[must_use]
    pub fn own(&self, row: usize) -> &[Option<f32>] {
        &self.own[row * self.width..][..self.width]
    }
}
