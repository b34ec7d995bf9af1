//! How large a model is, what its weights are called, and what they begin with.

use pannier_proto::feed::{KeyedRng, mix};
use serde::{Deserialize, Serialize};

use crate::crosses::Crosses;
use crate::error::Error;
use crate::layout::Layout;
use crate::rows::Rows;

/// Names of the tables.
pub(crate) const ITEMS: &str = "items";
pub(crate) const USERS: &str = "users";
pub(crate) const CATEGORIES: &str = "categories";
/// Name of the crossed features' numbers.
pub(crate) const CROSSES: &str = "crosses";
/// Names of the context's statistics.
pub(crate) const MEAN: &str = "context.mean";
pub(crate) const VARIANCE: &str = "context.variance";
/// Vectors begin in ± this, as Keras has it.
const FIRST_VECTORS: f32 = 0.05;

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

/// How large a model is, and what it reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sizes {
    /// Rows of the items' table: indices, PAD and UNK among them.
    pub items: usize,
    /// Rows of the users' table.
    pub users: usize,
    /// Rows of the categories' table.
    pub categories: usize,
    /// Numbers of each vector.
    pub embedding: usize,
    /// Units of the wide layer.
    pub wide: usize,
    /// Units of each deep layer, one layer at least.
    pub deep: Vec<usize>,
    /// Units that wide and deep are joined in.
    pub join: usize,
    /// Names of the context's numbers, in their order; none: a model without context.
    pub context: Vec<String>,
    /// Units of the context's layer.
    pub context_units: usize,
    /// Crossed features, each of `user`, `item`, `category` or a name of the context.
    pub crosses: Vec<[String; 2]>,
    /// Numbers of each crossed feature.
    pub cross_buckets: usize,
}

impl Sizes {
    /// Whether there can be such a model.
    ///
    /// # Errors
    /// [`Error::Model`] where not.
    pub fn check(&self) -> Result<(), Error> {
        let wrong = |reason: &str| Err(Error::Model(reason.into()));
        let layers = [self.embedding, self.wide, self.join];
        if layers.iter().chain(&self.deep).any(|units| *units == 0) || self.deep.is_empty() {
            return wrong("every layer needs a unit, and there must be a deep one");
        }
        if self.items < 2 || self.users < 2 || self.categories < 2 {
            return wrong("tables need rows for nothing and for the unknown");
        }
        if !self.context.is_empty() && self.context_units == 0 {
            return wrong("the context needs units");
        }
        if !self.crosses.is_empty() && self.cross_buckets == 0 {
            return wrong("crossed features need buckets");
        }
        Crosses::new(self).map(|_| ())
    }

    /// Every weight's name and shape, in the order of files.
    #[must_use]
    pub fn shapes(&self) -> Vec<(String, Vec<usize>)> {
        let table = |name: &str, rows| (name.to_owned(), vec![rows, self.embedding]);
        let mut shapes = vec![
            table(ITEMS, self.items),
            table(USERS, self.users),
            table(CATEGORIES, self.categories),
        ];
        if !self.crosses.is_empty() {
            let numbers = self.crosses.len() * self.cross_buckets;
            shapes.push((CROSSES.into(), vec![numbers]));
        }
        if !self.context.is_empty() {
            for name in [MEAN, VARIANCE] {
                shapes.push((name.into(), vec![self.context.len()]));
            }
        }
        let layers = Layout::new(self).pieces;
        shapes.extend(layers.into_iter().map(|piece| (piece.name, piece.shape)));
        shapes
    }

    /// The first weights: vectors uniform in ±0.05; layers in ±√(6 / (inputs + outputs)) (Glorot and
    /// Bengio 2010); biases, crossed features and the context's shift 0, its scale 1.
    #[must_use]
    pub fn first(&self, seed: u64) -> Vec<Named> {
        let shapes = self.shapes().into_iter().enumerate();
        let weights = shapes.map(|(at, (name, shape))| {
            let (bound, begin) = match (name.as_str(), shape.as_slice()) {
                (ITEMS | USERS | CATEGORIES, _) => (FIRST_VECTORS, 0.0),
                ("output.weights", [inputs]) => ((6.0 / (inputs + 1) as f32).sqrt(), 0.0),
                (_, [inputs, outputs]) => ((6.0 / (inputs + outputs) as f32).sqrt(), 0.0),
                ("context.scale" | VARIANCE, _) => (0.0, 1.0),
                _ => (0.0, 0.0),
            };
            let mut rng = KeyedRng::new(mix(seed ^ mix(at as u64)));
            let mut draw = || (rng.next_u64() >> 40) as f32 / (1u32 << 23) as f32 - 1.0;
            let len: usize = shape.iter().product();
            let numbers = (0..len).map(|_| begin + bound * draw()).collect();
            Named {
                name,
                shape,
                numbers,
            }
        });
        weights.collect()
    }

    /// The numbers of crossed features that rows take, [rows, features].
    ///
    /// # Errors
    /// [`Error::Model`] where a crossed name is not known, [`Error::Rows`] where rows do not fit.
    pub fn crossed(&self, rows: &Rows<'_>) -> Result<Vec<u32>, Error> {
        rows.check(self)?;
        let crosses = Crosses::new(self)?;
        let all = (0..rows.len()).flat_map(|row| crosses.of_row(rows, row));
        Ok(all.collect())
    }

    /// Whether weights are all there, in order and shape.
    ///
    /// # Errors
    /// [`Error::Model`] where not.
    pub fn fits(&self, weights: &[Named]) -> Result<(), Error> {
        self.check()?;
        let shapes = self.shapes();
        if weights.len() != shapes.len() {
            let reason = format!("{} of {} weights are there", weights.len(), shapes.len());
            return Err(Error::Model(reason));
        }
        for (of, (name, shape)) in weights.iter().zip(shapes) {
            let len: usize = shape.iter().product();
            if of.name != name || of.shape != shape || of.numbers.len() != len {
                let reason = format!("`{}` is not `{name}` of the shape {shape:?}", of.name);
                return Err(Error::Model(reason));
            }
        }
        Ok(())
    }
}
