//! Baselines of decisions: the share of an item's decisions that were bought, logistic regression, and
//! boosted trees. All read the train decisions of the feed once, and are the same for any number of
//! threads.

mod features;
mod logistic;
mod shares;
#[cfg(test)]
mod tests;
mod trees;

use arrow::array::RecordBatch;
use pannier_proto::feed::FeedSpec;
use pannier_proto::spec::{BaselineModel, BaselineSpec};
use pannier_wide_deep::Batch;

use self::features::Features;
use self::logistic::Logistic;
use self::shares::Shares;
use self::trees::Trees;
use super::batch::decisions;
use crate::error::TrainerError;
use crate::feed::FeedContext;

/// Columns of decisions that are no context.
const NO_CONTEXT: [&str; 6] = [
    "decision_id",
    "user_id",
    "user_idx",
    "item_idx",
    "category_idx",
    "label",
];

/// A baseline that was fit.
pub(crate) struct Baseline {
    /// Columns of the context, as the train decisions have them.
    pub context: Vec<String>,
    judge: Judge,
}

enum Judge {
    Popularity(Shares),
    Logistic(Features, Logistic),
    Trees(Features, Box<Trees>),
}

/// The train decisions, all of them.
#[derive(Default)]
struct Train {
    context: Vec<String>,
    batch: Batch,
}

impl Train {
    fn add(&mut self, batch: &RecordBatch) -> Result<(), TrainerError> {
        if self.batch.labels.is_empty() {
            let fields = batch.schema_ref().fields().iter();
            let names = fields.map(|field| field.name().clone());
            let names = names.filter(|name| !NO_CONTEXT.contains(&name.as_str()));
            self.context = names.collect();
        }
        let more = decisions(batch, &self.context)?;
        self.batch.users.extend(more.users);
        self.batch.items.extend(more.items);
        self.batch.categories.extend(more.categories);
        self.batch.context.extend(more.context);
        self.batch.labels.extend(more.labels);
        Ok(())
    }
}

impl Baseline {
    /// Fits a baseline to the decisions of a feed, on the pool of the calling thread.
    ///
    /// # Errors
    /// Those of the feed; [`TrainerError::Data`] where there are no decisions or no price among their
    /// context; [`TrainerError::Bug`] where the baseline judges no decisions.
    pub(crate) fn fit(
        context: &FeedContext,
        baseline: &BaselineSpec,
        feed: &FeedSpec,
    ) -> Result<Self, TrainerError> {
        let mut train = Train::default();
        context.read_all(feed, |batch| train.add(batch))?;
        if train.batch.labels.is_empty() {
            let reason = "there are none for training; check weeks and split";
            return Err(TrainerError::data("decisions", reason));
        }
        Self::of(baseline, &train)
    }

    fn of(baseline: &BaselineSpec, train: &Train) -> Result<Self, TrainerError> {
        let (batch, context) = (&train.batch, &train.context);
        let judge = match &baseline.model {
            BaselineModel::Popularity(_) => {
                Judge::Popularity(Shares::new(&batch.items, &batch.labels))
            }
            BaselineModel::Logistic(params) => {
                let (features, columns) = Features::fit(params.features, true, context, batch)?;
                let categories = features.categories(batch);
                let logistic = Logistic::fit(&columns, categories, &batch.labels, params.l2);
                Judge::Logistic(features, logistic)
            }
            BaselineModel::BoostedTrees(params) => {
                let (features, columns) = Features::fit(params.features, false, context, batch)?;
                let trees = Trees::fit(&columns, &batch.labels, params)?;
                Judge::Trees(features, Box::new(trees))
            }
            other => {
                let reason = format!("{other:?} judges no decisions");
                return Err(TrainerError::bug(reason));
            }
        };
        Ok(Self {
            context: context.clone(),
            judge,
        })
    }

    /// The probability that each decision is for buying, on the pool of the calling thread.
    pub(crate) fn chances(&self, batch: &Batch) -> Vec<f32> {
        match &self.judge {
            Judge::Popularity(shares) => {
                let of = |item: &u32| shares.of(*item) as f32;
                batch.items.iter().map(of).collect()
            }
            Judge::Logistic(features, logistic) => {
                let columns = features.columns(batch);
                logistic.chances(&columns, features.categories(batch))
            }
            Judge::Trees(features, trees) => trees.chances(&features.columns(batch)),
        }
    }
}
