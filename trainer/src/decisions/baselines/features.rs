//! What baselines know of a decision, as columns of numbers.

use pannier_proto::spec::DecisionFeatures;
use pannier_wide_deep::Batch;

use super::shares::Shares;
use crate::decisions::tables::PRICE;
use crate::error::TrainerError;

/// How columns are made.
pub(super) struct Features {
    /// Columns of the context that are taken.
    context: Vec<usize>,
    /// Of items, users and, unless each category has a column of its own, categories.
    shares: Vec<Shares>,
    /// Whether each category has a column of its own.
    apart: bool,
}

fn indices(batch: &Batch) -> [&[u32]; 3] {
    [&batch.items, &batch.users, &batch.categories]
}

impl Features {
    /// The features of train decisions, and their columns: a decision's shares are those of the other
    /// parts of the train decisions, so that none sees its own label. `apart`: categories have columns of
    /// their own.
    ///
    /// # Errors
    /// [`TrainerError::Data`] where the context has no price.
    pub(super) fn fit(
        which: DecisionFeatures,
        apart: bool,
        names: &[String],
        batch: &Batch,
    ) -> Result<(Self, Vec<Vec<f64>>), TrainerError> {
        let price = || {
            let at = names.iter().position(|name| name == PRICE);
            at.ok_or_else(|| TrainerError::data("decisions", "their context has no column price"))
        };
        let all = which == DecisionFeatures::All;
        let shared = if apart { 2 } else { 3 };
        let shares = indices(batch)
            .into_iter()
            .take(if all { shared } else { 0 });
        let features = Self {
            context: match which {
                DecisionFeatures::Price => vec![price()?],
                DecisionFeatures::Context | DecisionFeatures::All => (0..names.len()).collect(),
            },
            shares: shares.map(|of| Shares::new(of, &batch.labels)).collect(),
            apart: apart && all,
        };
        let columns = features.with(batch, Shares::of_train);
        Ok((features, columns))
    }

    /// Columns of other decisions.
    pub(super) fn columns(&self, batch: &Batch) -> Vec<Vec<f64>> {
        self.with(batch, |shares, _, index| shares.of(index))
    }

    /// The categories, where each has a column of its own.
    pub(super) fn categories<'a>(&self, batch: &'a Batch) -> Option<&'a [u32]> {
        self.apart.then_some(&batch.categories[..])
    }

    fn with(&self, batch: &Batch, share: impl Fn(&Shares, usize, u32) -> f64) -> Vec<Vec<f64>> {
        let width = batch.context.len() / batch.labels.len().max(1);
        let context = self.context.iter().map(|at| {
            let column = batch.context.iter().skip(*at).step_by(width.max(1));
            column.map(|x| f64::from(*x)).collect()
        });
        let shares = self.shares.iter().zip(indices(batch));
        let shares = shares.map(|(shares, indices)| {
            let rows = indices.iter().enumerate();
            rows.map(|(row, index)| share(shares, row, *index))
                .collect()
        });
        context.chain(shares).collect()
    }
}
