//! The weights of cust2vec: where they lie and how they begin.

use pannier_proto::feed::mix;
use pannier_proto::ids::FIRST_ITEM;

use crate::error::TrainerError;
use crate::lanes::{Lane, WIDTH, draw, floats};
use crate::sgns::{Squares, Weights};

/// Vectors of users, f32 [users, dim], and of items: U, f32 [rows, dim], and V, f32 [rows, slots ·
/// dim], of which rows 0 and 1 (PAD, UNK) stay zero. A row of V has a piece for each slot of an input,
/// the user's last.
#[derive(Debug, Clone, PartialEq)]
pub struct Vectors {
    rows: usize,
    dim: usize,
    lanes: usize,
    /// Pieces of a row of V.
    slots: usize,
    /// U, then the users: a step's input may mix both.
    input: Vec<Lane>,
    output: Vec<Lane>,
}

impl Vectors {
    /// U and users uniform in ±1/dim, V zero, as gensim begins: from ±0.5/dim, as word2vec.c does, as
    /// many passes come less far. With several slots it is ±0.5/dim, for what is around an item tells
    /// more than its user, who has to begin near nothing. A vector depends on (seed,
    /// index) alone. `rows`: real items and two; `slots`: at least 1.
    #[must_use]
    pub fn new(rows: usize, users: usize, (dim, slots): (usize, usize), seed: u64) -> Self {
        let lanes = dim.div_ceil(WIDTH);
        let mut input = vec![Lane::ZERO; (rows + users) * lanes];
        for (row, lanes) in input.chunks_exact_mut(lanes.max(1)).enumerate() {
            if row >= rows {
                draw(lanes, dim, user_seed(seed, (row - rows) as u64));
            } else if row >= FIRST_ITEM as usize {
                draw(
                    lanes,
                    dim,
                    mix(seed ^ mix(row as u64 ^ 0x7765_6967_6874_7321)),
                );
            }
        }
        if slots == 1 {
            // They are drawn in ±0.5/dim.
            let all = input.iter_mut().flat_map(|lane| &mut lane.0);
            all.for_each(|x| *x *= 2.0);
        }
        let output = vec![Lane::ZERO; rows * slots * lanes];
        Self {
            rows,
            dim,
            lanes,
            slots,
            input,
            output,
        }
    }

    /// From matrices of floats, row after row: users [users, dim], U [rows, dim] and V [rows, slots ·
    /// dim].
    ///
    /// # Errors
    /// [`TrainerError::Data`] where a length is no whole number of vectors, or V's is no whole number
    /// of U's.
    pub fn of(
        dim: usize,
        users: &[f32],
        input: &[f32],
        output: &[f32],
    ) -> Result<Self, TrainerError> {
        let whole = |floats: &[f32]| dim > 0 && floats.len().is_multiple_of(dim);
        let slots = output.len() / input.len().max(1);
        if !whole(users) || !whole(input) || slots == 0 || input.len() * slots != output.len() {
            return Err(TrainerError::data(
                "weights",
                format!("they are no vectors of {dim} floats"),
            ));
        }
        let lanes = dim.div_ceil(WIDTH);
        let shape = (dim, slots);
        let mut vectors = Self::new(input.len() / dim, users.len() / dim, shape, 0);
        let rows = input.chunks_exact(dim).chain(users.chunks_exact(dim));
        fill(&mut vectors.input, lanes, rows);
        fill(&mut vectors.output, lanes, output.chunks_exact(dim));
        Ok(vectors)
    }

    /// Rows of U and V.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Users.
    #[must_use]
    pub fn users(&self) -> usize {
        (self.input.len() / self.lanes.max(1)).saturating_sub(self.rows)
    }

    /// Floats of a vector.
    #[must_use]
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// Pieces of a row of V, and rows of U in an input that has them end to end.
    #[must_use]
    pub fn slots(&self) -> usize {
        self.slots
    }

    /// The vector of a user, by the place of the list it was learnt from; not that of an item.
    #[must_use]
    pub fn user(&self, user: usize) -> &[f32] {
        self.of_input(self.rows + user)
    }

    /// An item's vector in U, by its index.
    #[must_use]
    pub fn item(&self, row: usize) -> &[f32] {
        self.of_input(row)
    }

    /// An item's vector in V: σ of its dot product with a user's is the chance that the item is
    /// the user's and no negative. With several slots, the user's piece of it: the same with nothing
    /// known of what is around.
    #[must_use]
    pub fn output(&self, row: usize) -> &[f32] {
        self.piece(row, self.slots - 1)
    }

    /// Of an item's vector in V what a slot's vector is multiplied with.
    #[must_use]
    pub fn piece(&self, row: usize, slot: usize) -> &[f32] {
        let at = (row * self.slots + slot) * self.lanes;
        &floats(&self.output[at..][..self.lanes])[..self.dim]
    }

    fn of_input(&self, row: usize) -> &[f32] {
        &floats(&self.input[row * self.lanes..][..self.lanes])[..self.dim]
    }

    /// Whether every weight is a number.
    #[must_use]
    pub fn is_finite(&self) -> bool {
        floats(&self.input)
            .iter()
            .chain(floats(&self.output))
            .all(|x| x.is_finite())
    }

    /// All, to train.
    pub(crate) fn weights<'a>(&'a mut self, squares: Option<&'a Squares>) -> Weights<'a> {
        let shape = (self.lanes, self.dim);
        Weights::new(&mut self.input, &mut self.output, shape, squares).end_to_end(self.slots)
    }

    /// All, to be read.
    pub(crate) fn fixed(&self) -> Weights<'_> {
        Weights::fixed(&self.input, &self.output, (self.lanes, self.dim)).end_to_end(self.slots)
    }
}

/// Seed of the first weights of a user.
pub(crate) fn user_seed(seed: u64, user: u64) -> u64 {
    mix(seed ^ mix(user ^ 0x7573_6572_7365_6564))
}

fn fill<'a>(matrix: &mut [Lane], lanes: usize, rows: impl Iterator<Item = &'a [f32]>) {
    for (row, from) in matrix.chunks_exact_mut(lanes).zip(rows) {
        let to = row.iter_mut().flat_map(|lane| &mut lane.0);
        to.zip(from).for_each(|(to, from)| *to = *from);
    }
}
