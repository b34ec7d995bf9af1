//! Epochs over users, and vectors of users that no training has seen.

use pannier_proto::feed::{KeyedRng, NoNoise, NoiseTable, mix};
use pannier_proto::ids::FIRST_ITEM;

use crate::cust2vec::steps::Architecture;
use crate::cust2vec::vectors::{Vectors, user_seed};
use crate::error::TrainerError;
use crate::lanes::{Instructions, Lane, WIDTH, draw, floats};
use crate::sgns::{Documents, Engine, Learnt, Mode, Rates, Sampling, Squares, Weights};

/// What decides a training besides its data.
#[derive(Debug, Clone, PartialEq)]
pub struct Cust2vecParams {
    /// What foretells an item.
    pub architecture: Architecture,
    /// Floats of a vector, at least 1.
    pub dim: usize,
    /// Most items on each side that count as around an item.
    pub window: u32,
    /// Negatives of a step.
    pub negatives: usize,
    /// Positives share negatives: of a user eight items, in skip-gram all contexts of an item. In
    /// [`Architecture::Memory`] every input has one positive, so nothing changes.
    pub negatives_shared: bool,
    /// Negatives are drawn by count to this power.
    pub power: f64,
    /// Passes over all users.
    pub epochs: u32,
    /// At the first step.
    pub learning_rate: f32,
    /// After the last.
    pub min_learning_rate: f32,
    /// Decides first weights, the order of users, windows and negatives.
    pub seed: u64,
}

/// Learns vectors of users.
#[derive(Debug)]
pub struct Cust2vec {
    params: Cust2vecParams,
    engine: Engine,
    sampling: Sampling,
    rows: usize,
}

impl Cust2vec {
    /// For items with these counts, from the first real item on.
    ///
    /// # Errors
    /// [`TrainerError::Data`] where no item has a count or `dim` is 0, [`TrainerError::Config`]
    /// where threads cannot be started.
    pub fn new(counts: &[u64], params: &Cust2vecParams, mode: Mode) -> Result<Self, TrainerError> {
        if params.dim == 0 {
            return Err(TrainerError::data("params", "dim must be at least 1"));
        }
        let noise = NoiseTable::new(counts, params.power)
            .map_err(|e: NoNoise| TrainerError::data("vocab", e.to_string()))?;
        let (negatives, shared) = (params.negatives, params.negatives_shared);
        Ok(Self {
            params: params.clone(),
            engine: Engine::new(Instructions::best(), mode)?,
            sampling: Sampling {
                noise,
                negatives,
                shared,
            },
            rows: counts.len() + FIRST_ITEM as usize,
        })
    }

    /// Weights as a training begins with them.
    #[must_use]
    pub fn fresh(&self, users: usize) -> Vectors {
        let shape = (self.params.dim, self.slots());
        Vectors::new(self.rows, users, shape, self.params.seed)
    }

    fn slots(&self) -> usize {
        self.params.architecture.slots(self.params.window)
    }

    /// Zeros for Adagrad.
    #[must_use]
    pub fn squares(&self, users: usize) -> Squares {
        Squares::new(self.rows + users, self.rows)
    }

    /// Trains on all users once, each list by its place the user's of [`Vectors::user`], by
    /// stochastic gradient descent, or with `squares` by Adagrad. `epoch`: from 0; decides the
    /// order, the draws and the learning rates.
    ///
    /// # Errors
    /// [`TrainerError::Bug`] where vectors, users or squares are of other sizes,
    /// [`TrainerError::Data`] where users and items are more than 2³².
    pub fn epoch(
        &self,
        vectors: &mut Vectors,
        squares: Option<&Squares>,
        users: &Documents,
        epoch: u32,
    ) -> Result<Learnt, TrainerError> {
        let (rows, all) = (self.rows, users.len());
        self.check(vectors, users)?;
        if vectors.users() != all || !squares.is_none_or(|s| s.fit(rows + all, rows)) {
            return Err(TrainerError::bug("vectors or squares are of other users"));
        }
        if u32::try_from(rows + all).is_err() {
            return Err(TrainerError::data(
                "users",
                "there are more than rows have numbers",
            ));
        }
        let seed = mix(self.params.seed ^ mix(u64::from(epoch) ^ 0x6570_6F63_6875_7372));
        let (params, weights) = (&self.params, vectors.weights(squares));
        let (order, rates) = (order(all, seed), self.rates(epoch, params.epochs));
        // SAFETY: items and noise are below `rows`, and users are the rows of U behind them.
        Ok(unsafe {
            self.engine
                .pass(weights, &self.sampling, &order, rates, |user, examples| {
                    let mut rng = KeyedRng::new(mix(seed ^ mix(u64::from(user))));
                    let list = (rows as u32 + user, users.get(user as usize));
                    params
                        .architecture
                        .add(list, params.window, &mut rng, examples);
                })
        })
    }

    /// Vectors, f32 [users, dim], of users that were not trained on; all other weights stay fixed.
    /// By stochastic gradient descent over `epochs` passes with the learning rates of the params.
    /// A vector depends on the seed, the weights and the user's list alone, in either mode; one of
    /// an empty list is the one it begins with.
    ///
    /// # Errors
    /// [`TrainerError::Bug`] where vectors or users are of other sizes.
    pub fn infer(
        &self,
        vectors: &Vectors,
        users: &Documents,
        epochs: u32,
    ) -> Result<Vec<f32>, TrainerError> {
        // Skip-gram changes nothing of a user.
        let architecture = match self.params.architecture {
            Architecture::Bag { .. } => Architecture::Bag { items: false },
            with_items => with_items,
        };
        self.infer_by(architecture, vectors.fixed(), (vectors, users), epochs)
    }

    /// As [`Cust2vec::infer`], of lists whose order says nothing: in [`Architecture::Concat`] no item is
    /// known to be around another, so that users are fit to their piece of V alone, as if every slot of
    /// an item around were empty.
    ///
    /// # Errors
    /// As of [`Cust2vec::infer`].
    pub fn infer_without_order(
        &self,
        vectors: &Vectors,
        users: &Documents,
        epochs: u32,
    ) -> Result<Vec<f32>, TrainerError> {
        if self.params.architecture != Architecture::Concat {
            return self.infer(vectors, users, epochs);
        }
        let (alone, piece) = (
            Architecture::Bag { items: false },
            vectors.fixed().last_slot(),
        );
        self.infer_by(alone, piece, (vectors, users), epochs)
    }

    /// Infers by the steps of an architecture. `weights`: of `vectors`, or pieces of theirs.
    fn infer_by(
        &self,
        architecture: Architecture,
        weights: Weights<'_>,
        (vectors, users): (&Vectors, &Documents),
        epochs: u32,
    ) -> Result<Vec<f32>, TrainerError> {
        self.check(vectors, users)?;
        let params = &self.params;
        let one = |at: usize| {
            let mut user = vec![Lane::ZERO; params.dim.div_ceil(WIDTH)];
            draw(&mut user, params.dim, user_seed(params.seed, u64::MAX));
            let mut rng = KeyedRng::new(mix(params.seed ^ 0x696E_6665_7275_7372));
            let rates = |epoch| self.rates(epoch, epochs).first;
            let list = (u32::MAX, users.get(at));
            let sampling = &self.sampling;
            // SAFETY: items and noise are below `rows`, which `vectors` has, and inputs are as the
            // slots of `weights`.
            unsafe {
                self.engine
                    .infer(weights, sampling, &mut user, epochs, rates, |e| {
                        architecture.add(list, params.window, &mut rng, e);
                    });
            }
            floats(&user)[..params.dim].to_vec()
        };
        Ok(self.engine.each(users.len(), one).concat())
    }

    fn check(&self, vectors: &Vectors, users: &Documents) -> Result<(), TrainerError> {
        let fit = vectors.rows() == self.rows && users.rows() == self.rows;
        let shape = (self.params.dim, self.slots());
        if !fit || (vectors.dim(), vectors.slots()) != shape {
            return Err(TrainerError::bug("vectors or users are of other items"));
        }
        Ok(())
    }

    /// Of an epoch of so many.
    fn rates(&self, epoch: u32, epochs: u32) -> Rates {
        let (first, last) = (self.params.learning_rate, self.params.min_learning_rate);
        let at =
            |epoch| first + (last - first) * (f64::from(epoch) / f64::from(epochs.max(1))) as f32;
        Rates {
            first: at(epoch),
            last: at(epoch + 1),
        }
    }
}

/// A permutation of the users (Fisher and Yates).
fn order(users: usize, seed: u64) -> Vec<u32> {
    let mut order: Vec<u32> = (0..users as u32).collect();
    let mut rng = KeyedRng::new(seed);
    for i in (1..users).rev() {
        order.swap(i, rng.below(i as u32 + 1) as usize);
    }
    order
}
