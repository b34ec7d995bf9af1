//! The attention LSTM: a user's next basket from the baskets before it. Item vectors → their mean over
//! a basket → an LSTM in both directions over the baskets → additive attention → a probability for
//! every item of the catalogue. Where asked for, a user's own items have logits of their own besides, of
//! how often and how lately they were bought, and items that like users buy, of how much they do.
//!
//! Items are counted from the first real one; PAD and UNK are dropped from baskets, and baskets that
//! hold nothing else from histories. The table of item vectors stands outside of autodiff: a step
//! looks its baskets up, hands their means to the graph as a leaf, and moves only the rows it had.

pub(crate) mod artifact;
mod batch;
mod device;
mod learner;
mod masks;
mod measure;
mod model;
mod near_file;
mod neighbours;
mod ranker;
mod repeats;
mod score;
mod sizes;
mod state;
pub(crate) mod train;
#[cfg(test)]
mod whole_tests;

use super::schedule;
pub(crate) use batch::Limits;
pub use batch::{Batch, History};
pub use device::{Learns, Ranks, learner};
pub use learner::{Kept, Rates};
#[cfg(all(test, feature = "tch"))]
pub(crate) use neighbours::{FEATURES as NEAR_FEATURES, Near};
pub use score::Scorer;
pub use sizes::{Named, Sizes};
#[cfg(feature = "tch")]
pub(crate) use {
    masks::Masks,
    sizes::{BIAS, ITEMS, WEIGHTS},
};
