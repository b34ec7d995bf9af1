//! What a baseline is here: scores of all items for one asked user.

use pannier_proto::spec::BaselineModel;

use super::item_knn::ItemKnn;
use super::personal::Personal;
use super::popular::Popular;
use super::sequences::Sequences;
use super::sparse::{Entry, summed};
use super::tifu_knn::TifuKnn;
use super::up_cf::UpCf;
use crate::error::TrainerError;

/// A user who is asked for.
pub(super) struct Asked<'a> {
    /// Which of the sequences is the user's own, so that nobody is their own neighbour.
    pub user: Option<u32>,
    /// The known baskets, the oldest first.
    pub history: Vec<&'a [u32]>,
    /// What was bought and how often, by item ascending, where that came with the question: then it stands
    /// for the plain counts of the history, which may have been cut.
    pub counts: Option<(&'a [u32], &'a [f32])>,
}

impl Asked<'_> {
    /// Personal frequency by item ascending: Σ over the baskets with the item of decay^(n - b). A weight
    /// is never 0, so that an own item is always above one that is not.
    pub(super) fn frequency(&self, decay: f64) -> Vec<Entry> {
        if let Some((items, counts)) = self.counts.filter(|_| decay >= 1.0) {
            return items.iter().copied().zip(counts.iter().copied()).collect();
        }
        let mut weight = 1.0;
        let mut all = Vec::new();
        for basket in self.history.iter().rev() {
            all.extend(basket.iter().map(|item| (*item, weight)));
            weight *= decay;
        }
        let mut sums = summed(all);
        let sums_of = sums.iter_mut().map(|entry| &mut entry.1);
        sums_of.for_each(|sum| *sum = sum.max(f32::MIN_POSITIVE));
        sums
    }
}

/// What is written on while scores are made; one for each thread.
pub(super) struct Scratch {
    /// A number for each user of the sequences.
    pub users: Vec<f64>,
    /// A number for each index.
    pub items: Vec<f64>,
    /// A score for each index.
    pub scores: Vec<f32>,
}

impl Scratch {
    pub(super) fn new(users: usize, items: usize) -> Self {
        Self {
            users: vec![0.0; users],
            items: vec![0.0; items],
            scores: vec![0.0; items],
        }
    }
}

/// A baseline, in variants that share the most of the work.
pub(super) trait Method: Send + Sync {
    /// Scores every index, and gives the scores of each variant to `take` with the variant's place, in any
    /// order, each once. Those of PAD and UNK are not looked at; a score of -∞ says that an item is not
    /// listed. Ties are broken by popularity, so that where all scores are 0 what is popular is first.
    fn score(&self, asked: &Asked<'_>, scratch: &mut Scratch, take: Take<'_>);
}

/// Takes the place of a variant and its scores.
pub(super) type Take<'a> = &'a mut dyn FnMut(usize, &[f32]);

/// The model with those params set alike that a method can vary cheaply: models for which it is equal go
/// into one method.
pub(super) fn shared(model: BaselineModel) -> BaselineModel {
    match model {
        BaselineModel::CoOccurrence
        | BaselineModel::LastBasket
        | BaselineModel::Logistic(_)
        | BaselineModel::BoostedTrees(_) => {}
        BaselineModel::Popularity(_) => return BaselineModel::Popularity(Default::default()),
        BaselineModel::PersonalFrequency(_) => {
            return BaselineModel::PersonalFrequency(Default::default());
        }
        BaselineModel::ItemKnn(mut params) => {
            (params.neighbours, params.decay) = (1, 1.0);
            return BaselineModel::ItemKnn(params);
        }
        BaselineModel::TifuKnn(mut params) => {
            (params.neighbours, params.alpha) = (1, 1.0);
            return BaselineModel::TifuKnn(params);
        }
        BaselineModel::UpCf(mut params) => {
            (params.neighbours, params.locality) = (1, 1.0);
            return BaselineModel::UpCf(params);
        }
    }
    model
}

/// A method whose variants are these models, all equal by [`shared`]. `counts`: baskets that hold each
/// index.
///
/// # Errors
/// [`TrainerError::Bug`] where the models are not all of one kind that is made here;
/// [`TrainerError::Data`] where the sequences tell no days and one needs them.
pub(super) fn method(
    models: &[BaselineModel],
    sequences: &Sequences,
    counts: &[u64],
) -> Result<Box<dyn Method>, TrainerError> {
    macro_rules! params_of {
        ($kind:ident) => {
            models
                .iter()
                .filter_map(|model| match model {
                    BaselineModel::$kind(params) => Some(*params),
                    _ => None,
                })
                .collect::<Vec<_>>()
        };
    }
    Ok(match models.first() {
        Some(BaselineModel::PersonalFrequency(_)) => {
            Box::new(Personal::frequency(counts, &params_of!(PersonalFrequency)))
        }
        Some(BaselineModel::Popularity(_)) => {
            Box::new(Popular::new(sequences, counts, &params_of!(Popularity))?)
        }
        Some(BaselineModel::LastBasket) => Box::new(Personal::last_basket(counts)),
        Some(BaselineModel::ItemKnn(_)) => Box::new(ItemKnn::new(sequences, params_of!(ItemKnn))),
        Some(BaselineModel::TifuKnn(_)) => Box::new(TifuKnn::new(sequences, params_of!(TifuKnn))),
        Some(BaselineModel::UpCf(_)) => Box::new(UpCf::new(sequences, params_of!(UpCf))),
        other => {
            let reason = format!("{other:?} is no baseline of the next basket");
            return Err(TrainerError::bug(reason));
        }
    })
}
