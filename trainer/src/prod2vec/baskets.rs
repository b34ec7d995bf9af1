//! prod2vec from baskets, without a list of pairs: in the fast mode on all threads.

use pannier_proto::feed::{KeyedRng, NoNoise, NoiseTable, PairWindow, mix};

use crate::error::TrainerError;
use crate::lanes::Instructions;
use crate::prod2vec::model::Model;
use crate::sgns::{Documents, Engine, Learnt, Mode, Rates, Sampling, Squares};

/// What skip-gram with negative sampling makes of a basket.
#[derive(Debug, Clone)]
pub struct SkipGram {
    /// Which items of a basket make pairs; as the feed makes them.
    pub window: PairWindow,
    /// Chance in 1/2³² that an item stays, by index; empty: all stay.
    pub keep: Vec<u32>,
    /// Of a pair, or of an item with all its contexts.
    pub negatives: usize,
    /// The pairs of one item in a basket share its negatives, each weighed by their number: about
    /// a third of the arithmetic at window 5, and the same update on average over draws.
    pub negatives_shared: bool,
    /// Negatives are drawn by count to this power.
    pub power: f64,
}

/// Learns from baskets.
#[derive(Debug)]
pub struct Baskets {
    engine: Engine,
    sampling: Sampling,
    window: PairWindow,
    keep: Vec<u32>,
    rows: usize,
}

impl Baskets {
    /// For a model of items with these counts (from the first real item on).
    ///
    /// # Errors
    /// [`TrainerError::Data`] where no item has a count, [`TrainerError::Config`] where threads
    /// cannot be started.
    pub fn new(counts: &[u64], how: &SkipGram, mode: Mode) -> Result<Self, TrainerError> {
        let noise = NoiseTable::new(counts, how.power)
            .map_err(|e: NoNoise| TrainerError::data("vocab", e.to_string()))?;
        Ok(Self {
            engine: Engine::new(Instructions::best(), mode)?,
            sampling: Sampling {
                noise,
                negatives: how.negatives,
                shared: how.negatives_shared,
            },
            window: how.window,
            keep: how.keep.clone(),
            rows: counts.len() + pannier_proto::ids::FIRST_ITEM as usize,
        })
    }

    /// Trains on all baskets once, by stochastic gradient descent, or with `squares` by Adagrad.
    /// `order`: numbers of the baskets as they are to be trained on; `seed` decides pairs and
    /// negatives, and should differ between passes.
    ///
    /// # Errors
    /// [`TrainerError::Bug`] where model, baskets or squares are of other items.
    pub fn train(
        &self,
        model: &mut Model,
        squares: Option<&Squares>,
        (baskets, order): (&Documents, &[u32]),
        rates: Rates,
        seed: u64,
    ) -> Result<Learnt, TrainerError> {
        let rows = self.rows;
        let fit = squares.is_none_or(|s| s.fit(rows, rows));
        if model.rows() != rows || baskets.rows() != rows || !fit {
            return Err(TrainerError::bug(
                "model, baskets or squares are of other items",
            ));
        }
        let weights = model.weights(squares);
        // SAFETY: items and noise are below `rows`, which all have.
        Ok(unsafe {
            self.engine
                .pass(weights, &self.sampling, order, rates, |basket, examples| {
                    let mut rng = KeyedRng::new(mix(seed ^ mix(u64::from(basket))));
                    let items = baskets.get(basket as usize);
                    examples.add_skip_gram(items, self.window, &self.keep, &mut rng);
                })
        })
    }
}
