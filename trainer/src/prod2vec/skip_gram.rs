//! prod2vec in either mode, from baskets, or from a feed's pairs: negatives are drawn here, where
//! they are used.

use pannier_proto::feed::{KeyedRng, NoNoise, NoiseTable, PairWindow, mix};
use pannier_proto::ids::FIRST_ITEM;

use crate::error::TrainerError;
use crate::lanes::Instructions;
use crate::prod2vec::model::Model;
use crate::prod2vec::pairs::Pairs;
use crate::sgns::{Documents, Engine, Learnt, Mode, Rates, Sampling, Squares};

/// Pairs that make up one of a pass's documents.
const RUN: usize = 64;

/// What skip-gram with negative sampling makes of a basket.
#[derive(Debug, Clone)]
pub struct SkipGramParams {
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

/// Learns item vectors.
#[derive(Debug)]
pub struct SkipGram {
    engine: Engine,
    sampling: Sampling,
    window: PairWindow,
    keep: Vec<u32>,
    rows: usize,
}

impl SkipGram {
    /// For a model of items with these counts (from the first real item on).
    ///
    /// # Errors
    /// [`TrainerError::Data`] where no item has a count, [`TrainerError::Config`] where threads
    /// cannot be started.
    pub fn new(counts: &[u64], how: &SkipGramParams, mode: Mode) -> Result<Self, TrainerError> {
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
            rows: counts.len() + FIRST_ITEM as usize,
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
        self.check(model, squares, baskets.rows())?;
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

    /// Trains on a feed's pairs once at one rate; as [`SkipGram::train`], which makes them itself.
    /// Of the params, window and items to keep are the feed's business; negatives that the pairs
    /// bring along are not used. Pairs with one center share negatives where they stand together.
    ///
    /// # Errors
    /// [`TrainerError::Bug`] where model, pairs or squares are of other items.
    pub fn train_pairs(
        &self,
        model: &mut Model,
        squares: Option<&Squares>,
        pairs: &Pairs,
        rate: f32,
        seed: u64,
    ) -> Result<Learnt, TrainerError> {
        self.check(model, squares, pairs.rows())?;
        let weights = model.weights(squares);
        let (centers, contexts) = (pairs.centers(), pairs.contexts());
        let runs: Vec<u32> = (0..centers.len().div_ceil(RUN) as u32).collect();
        let rates = Rates {
            first: rate,
            last: rate,
        };
        // SAFETY: as above; `Pairs` holds only rows below `rows`.
        Ok(unsafe {
            self.engine
                .pass(weights, &self.sampling, &runs, rates, |run, examples| {
                    let mut rng = KeyedRng::new(mix(seed ^ mix(u64::from(run))));
                    let from = run as usize * RUN;
                    let to = (from + RUN).min(centers.len());
                    examples.add_pairs(&centers[from..to], &contexts[from..to], &mut rng);
                })
        })
    }

    fn check(
        &self,
        model: &Model,
        squares: Option<&Squares>,
        rows: usize,
    ) -> Result<(), TrainerError> {
        let fit = squares.is_none_or(|s| s.fit(self.rows, self.rows));
        if model.rows() != self.rows || rows != self.rows || !fit {
            return Err(TrainerError::bug(
                "model, data or squares are of other items",
            ));
        }
        Ok(())
    }
}
