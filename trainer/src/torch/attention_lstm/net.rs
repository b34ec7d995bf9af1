//! The net up to users' vectors, and what their own items have besides. Gradients are libtorch's own.

use tch::{Device, Kind, Tensor};

use super::super::tensors::{floats, long, places};
use super::lstm::{Direction, dropped, packed};
use crate::error::TrainerError;
use crate::neural::attention_lstm::{Batch, ITEMS, Masks, Sizes};
use crate::neural::kernels::Packing;

/// `embedding_bag`'s mean.
const MEAN: i64 = 1;

/// The net.
pub(super) struct Net {
    pub sizes: Sizes,
    pub on: Device,
    /// In the order of [`Sizes::shapes`].
    names: Vec<&'static str>,
    weights: Vec<Tensor>,
    /// libtorch's LSTM has two biases, which it adds; this is the other.
    no_bias: Tensor,
}

/// What is added to logits of users' own items.
pub(super) struct Own {
    /// Places in [users, items].
    pub places: Tensor,
    /// [pairs].
    pub added: Tensor,
}

impl Net {
    /// Of weights in the order of [`Sizes::shapes`], on a device.
    pub(super) fn new<'a>(
        sizes: Sizes,
        weights: impl Iterator<Item = &'a Tensor>,
        on: Device,
    ) -> Result<Self, TrainerError> {
        let gates = long(4 * sizes.hidden);
        Ok(Self {
            names: sizes.shapes().into_iter().map(|(name, _)| name).collect(),
            weights: weights.map(Tensor::shallow_clone).collect(),
            no_bias: Tensor::f_zeros([gates], (Kind::Float, on))?,
            sizes,
            on,
        })
    }

    /// A weight's place among all.
    pub(super) fn place_of(&self, name: &str) -> Result<usize, TrainerError> {
        let place = self.names.iter().position(|of| *of == name);
        place.ok_or_else(|| TrainerError::bug(format!("there is no weight {name}")))
    }

    /// A weight.
    pub(super) fn of(&self, name: &str) -> Result<&Tensor, TrainerError> {
        Ok(&self.weights[self.place_of(name)?])
    }

    /// All weights in their order, but the output's, whose gradients are made with the loss.
    pub(super) fn but_output(&self) -> impl Iterator<Item = &Tensor> {
        let all = self.names.iter().zip(&self.weights);
        all.filter(|(name, _)| !name.starts_with("output."))
            .map(|(_, weight)| weight)
    }

    fn directions(&self) -> Result<[Direction<'_>; 2], TrainerError> {
        let of = |way: &str| -> Result<_, TrainerError> {
            Ok(Direction {
                input: self.of(&format!("{way}.input"))?,
                recurrent: self.of(&format!("{way}.recurrent"))?,
                bias: self.of(&format!("{way}.bias"))?,
                no_bias: &self.no_bias,
            })
        };
        Ok([of("ahead")?, of("back")?])
    }

    /// Vectors of users by rank, [users, 2 · hidden].
    pub(super) fn users(
        &self,
        batch: &Batch,
        masks: Option<&Masks>,
    ) -> Result<Tensor, TrainerError> {
        let (packing, on) = (&*batch.packing, self.on);
        let users = long(packing.sequences());
        let items = places(batch.baskets.items.iter().map(|item| *item as usize), on)?;
        let starts = places(batch.baskets.starts.iter().map(|at| *at as usize), on)?;
        let table = self.of(ITEMS)?;
        let none = None::<Tensor>;
        let (mut baskets, ..) =
            Tensor::f_embedding_bag(table, &items, &starts, false, MEAN, false, none, true)?;
        if let Some(factors) = masks.and_then(|masks| masks.baskets.as_ref()) {
            let factors = floats(factors, &[users, long(self.sizes.embedding)], on)?;
            let ranks = places(batch.sequences.iter().map(|rank| *rank as usize), on)?;
            baskets = baskets.f_mul(&factors.f_index_select(0, &ranks)?)?;
        }
        let states = match masks.and_then(|masks| masks.states.as_ref()) {
            Some(factors) => {
                let shape = [users, long(self.sizes.hidden)];
                let [ahead, back] = [&factors[0], &factors[1]].map(|of| floats(of, &shape, on));
                let factors = Tensor::f_stack(&[ahead?, back?], 0)?;
                dropped(&baskets, self.directions()?, packing, &factors)?
            }
            None => packed(&baskets, self.directions()?, packing, masks.is_some())?,
        };
        let vectors = self.attend(&states, packing)?;
        Ok(match masks.and_then(|masks| masks.users.as_ref()) {
            Some(factors) => {
                let shape = [users, long(2 * self.sizes.hidden)];
                vectors.f_mul(&floats(factors, &shape, on)?)?
            }
            None => vectors,
        })
    }

    /// Each sequence's states, [rows, width], as one vector by attention: [sequences, width] by rank.
    fn attend(&self, states: &Tensor, packing: &Packing) -> Result<Tensor, TrainerError> {
        let hidden = self.of("attention.hidden")?;
        let units = self
            .of("attention.bias")?
            .f_addmm(states, hidden)?
            .f_tanh()?;
        let scores = units.f_matmul(self.of("attention.score")?)?;
        let (steps, users) = (packing.longest(), packing.sequences());
        let (rows, width) = ([long(steps), long(users)], long(2 * self.sizes.hidden));
        // By step and rank, with holes where there are no rows.
        let (scores, states) = if steps * users == packing.rows() {
            (scores, states.shallow_clone())
        } else {
            let at = |step| (0..packing.active(step)).map(move |rank| step * users + rank);
            let at = places((0..steps).flat_map(at), self.on)?;
            let all = rows[0] * rows[1];
            let holes =
                |size: &[i64], fill: f64| Tensor::f_full(size, fill, (Kind::Float, self.on));
            let scores = holes(&[all], f64::NEG_INFINITY)?.f_index_copy(0, &at, &scores)?;
            (
                scores,
                holes(&[all, width], 0.0)?.f_index_copy(0, &at, states)?,
            )
        };
        let weights = scores
            .f_view(rows)?
            .f_softmax(0, Kind::Float)?
            .f_unsqueeze(2)?;
        let weighed = states.f_view([rows[0], rows[1], width])?.f_mul(&weights)?;
        Ok(weighed.f_sum_dim_intlist(0i64, false, Kind::Float)?)
    }

    /// What is added to the logits of users' own items, for users' vectors by rank: the users' weights
    /// of the units of each pair's features, and the item's number.
    pub(super) fn own(&self, users: &Tensor, batch: &Batch) -> Result<Option<Own>, TrainerError> {
        let Some(of) = &batch.repeats else {
            return Ok(None);
        };
        let pairs = long(of.items.len());
        let width = long(of.features.len() / of.items.len().max(1));
        let all = |numbers: &[i32]| -> Vec<usize> {
            numbers.iter().map(|n| n.unsigned_abs() as usize).collect()
        };
        let (ranks, items) = (all(&of.ranks), all(&of.items));
        let in_all = ranks.iter().zip(&items);
        let in_all = in_all.map(|(rank, item)| rank * self.sizes.items + item);
        let in_all = places(in_all, self.on)?;
        let ranks = places(ranks.into_iter(), self.on)?;
        let items = places(items.into_iter(), self.on)?;
        let features = floats(&of.features, &[pairs, width], self.on)?;
        let layer = |inputs: &Tensor, weights: &str, bias: &str| -> Result<_, TrainerError> {
            let sums = self.of(bias)?.f_addmm(inputs, self.of(weights)?)?;
            Ok(sums.f_relu()?)
        };
        let mut units = layer(&features, "repeat.features", "repeat.bias")?;
        if self.sizes.layers > 1 {
            units = layer(&units, "repeat.second", "repeat.second_bias")?;
        }
        let weights = self.of("repeat.user_bias")?;
        let weights = weights.f_addmm(users, self.of("repeat.user")?)?;
        let sums = units.f_mul(&weights.f_index_select(0, &ranks)?)?;
        let sums = sums.f_sum_dim_intlist(1i64, false, Kind::Float)?;
        let mut items = self.of("repeat.items")?.f_index_select(0, &items)?;
        if let Some(own) = &of.own {
            items = items.f_mul(&floats(own, &[pairs], self.on)?)?;
        }
        let added = sums.f_add(&items)?;
        Ok(Some(Own {
            places: in_all,
            added,
        }))
    }
}
