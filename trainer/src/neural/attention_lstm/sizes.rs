//! How large a model is: the names, shapes and first numbers of its weights, and the batches that it reads.

use pannier_proto::feed::{KeyedRng, mix};

use super::batch::{Batch, History, Users};
use super::neighbours::{self, Neighbours};
use super::repeats::FEATURES;
use crate::error::TrainerError;

/// How large it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sizes {
    /// Items of the catalogue.
    pub items: usize,
    /// Numbers of an item's vector.
    pub embedding: usize,
    /// Units of a direction.
    pub hidden: usize,
    /// Units of attention.
    pub attention: usize,
    /// Units of what own items have besides; 0: nothing.
    pub repeat: usize,
    /// Layers of those units, 1 or 2.
    pub layers: usize,
    /// Whether neighbours have a say.
    pub near: bool,
}

/// Weights with a name.
#[derive(Debug, Clone, PartialEq)]
pub struct Named {
    /// As in files.
    pub name: String,
    /// Rows and columns, or how many.
    pub shape: Vec<usize>,
    /// Row after row.
    pub numbers: Vec<f32>,
}

fn glorot(inputs: usize, outputs: usize) -> f32 {
    (6.0 / (inputs + outputs) as f32).sqrt()
}

/// Name of the table of item vectors, which is not part of the module.
pub(crate) const ITEMS: &str = "items";
/// Names of the output's weights.
pub(crate) const WEIGHTS: &str = "output.weights";
pub(crate) const BIAS: &str = "output.bias";

impl Sizes {
    /// Users with their next baskets, as a model of this size reads them.
    ///
    /// # Errors
    /// [`TrainerError::Data`] where an item is not in the catalogue.
    pub fn batch(
        &self,
        histories: &[History],
        targets: &[Vec<u32>],
    ) -> Result<Batch, TrainerError> {
        let batch = Batch::new(histories, targets, self.items)?;
        Ok(match self.repeat {
            0 => batch,
            _ => batch.with_repeats(histories, self.items),
        })
    }

    /// The same of users with names, where neighbours have a say, and of shares where a k is given, as
    /// [`Batch::of_shares`] has it; on the pool of the calling thread.
    ///
    /// # Errors
    /// [`TrainerError::Data`] where an item is not in the catalogue.
    pub(crate) fn batch_of(
        &self,
        (names, histories): (&[Option<&str>], &[History]),
        targets: &[Vec<u32>],
        (neighbours, gain): (Option<&Neighbours>, Option<usize>),
    ) -> Result<Batch, TrainerError> {
        let batch = match neighbours {
            None => self.batch(histories, targets)?,
            Some(neighbours) => {
                let batch = Batch::new(histories, targets, self.items)?;
                let names = names.iter().copied().chain(std::iter::repeat(None));
                let users: Vec<_> = names.zip(histories).collect();
                batch.with_near(histories, &neighbours.of(&users), self.items)
            }
        };
        Ok(match gain {
            None => batch,
            Some(k) => batch.of_shares(targets, k),
        })
    }

    /// The same of a feed's users.
    ///
    /// # Errors
    /// [`TrainerError::Data`] where an item is not in the catalogue.
    pub(crate) fn batch_of_users(
        &self,
        users: &Users,
        around: (Option<&Neighbours>, Option<usize>),
    ) -> Result<Batch, TrainerError> {
        let names: Vec<Option<&str>> = users.names.iter().map(Option::as_deref).collect();
        self.batch_of((&names, &users.histories), &users.targets, around)
    }

    /// Numbers that are known of a pair.
    fn features(&self) -> usize {
        FEATURES + if self.near { neighbours::FEATURES } else { 0 }
    }

    /// Whether weights are all there, in order and shape, of a model that the kernels can do.
    ///
    /// # Errors
    /// [`TrainerError::Data`] where not.
    pub(crate) fn check(&self, weights: &[Named]) -> Result<(), TrainerError> {
        let wrong = |reason: String| Err(TrainerError::data("weights", reason));
        if self.hidden == 0 || !self.hidden.is_multiple_of(16) || self.embedding == 0 {
            return wrong("hidden units must be a multiple of 16, vectors not empty".into());
        }
        let shapes = self.shapes();
        if weights.len() != shapes.len() {
            return wrong(format!("{} of {} are there", weights.len(), shapes.len()));
        }
        for (of, (name, shape)) in weights.iter().zip(shapes) {
            let len = shape.iter().product::<usize>();
            if of.name != name || of.shape != shape || of.numbers.len() != len {
                return wrong(format!(
                    "`{}` is not `{name}` of the shape {shape:?}",
                    of.name
                ));
            }
        }
        Ok(())
    }

    /// Every weight's name and shape: the table first, then those of the module as it is visited.
    #[must_use]
    pub fn shapes(&self) -> Vec<(&'static str, Vec<usize>)> {
        let (gates, width) = (4 * self.hidden, 2 * self.hidden);
        let mut shapes = vec![
            (ITEMS, vec![self.items, self.embedding]),
            ("ahead.input", vec![self.embedding, gates]),
            ("ahead.recurrent", vec![self.hidden, gates]),
            ("ahead.bias", vec![gates]),
            ("back.input", vec![self.embedding, gates]),
            ("back.recurrent", vec![self.hidden, gates]),
            ("back.bias", vec![gates]),
            ("attention.hidden", vec![width, self.attention]),
            ("attention.bias", vec![self.attention]),
            ("attention.score", vec![self.attention]),
            (WEIGHTS, vec![self.items, width]),
            (BIAS, vec![self.items]),
        ];
        if self.repeat > 0 {
            shapes.extend([
                ("repeat.features", vec![self.features(), self.repeat]),
                ("repeat.bias", vec![self.repeat]),
                ("repeat.user", vec![width, self.repeat]),
                ("repeat.user_bias", vec![self.repeat]),
                ("repeat.items", vec![self.items]),
            ]);
        }
        if self.repeat > 0 && self.layers > 1 {
            shapes.extend([
                ("repeat.second", vec![self.repeat, self.repeat]),
                ("repeat.second_bias", vec![self.repeat]),
            ]);
        }
        shapes
    }

    /// The first weights: uniform in ±√(6 / (inputs + outputs)) (Glorot and Bengio 2010), gates apart;
    /// item vectors in ±0.5, and weights of the output, which has so many, in ±1/√inputs; biases 0,
    /// those of forget gates 1 (Jozefowicz et al. 2015), and those of what weighs own items' units 1/units.
    #[must_use]
    pub fn first(&self, seed: u64) -> Vec<Named> {
        let shapes = self.shapes().into_iter().enumerate();
        let weights = shapes.map(|(at, (name, shape))| {
            let len: usize = shape.iter().product();
            let bound = match (name, shape.as_slice()) {
                (ITEMS, _) => 0.5,
                (WEIGHTS, [_, width]) => 1.0 / (*width as f32).sqrt(),
                (
                    "attention.hidden" | "repeat.features" | "repeat.user" | "repeat.second",
                    [rows, columns],
                ) => glorot(*rows, *columns),
                (_, [rows, gates]) => glorot(*rows, gates / 4),
                ("attention.score", _) => glorot(len, 1),
                _ => 0.0,
            };
            let mut rng = KeyedRng::new(mix(seed ^ mix(at as u64)));
            let mut draw = || (rng.next_u64() >> 40) as f32 / (1u32 << 23) as f32 - 1.0;
            let mut numbers: Vec<f32> = (0..len).map(|_| bound * draw()).collect();
            match name {
                "ahead.bias" | "back.bias" => numbers[self.hidden..2 * self.hidden].fill(1.0),
                // Units count from the first step on, whoever the user is.
                "repeat.user_bias" => numbers.fill(1.0 / self.repeat as f32),
                _ => {}
            }
            Named {
                name: name.into(),
                shape,
                numbers,
            }
        });
        weights.collect()
    }
}
