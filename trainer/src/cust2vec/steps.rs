//! Which steps a user's list makes.

use pannier_proto::feed::KeyedRng;
use pannier_proto::ids::PAD;

use crate::sgns::Examples;

/// Positives of a user that share negatives: so many at a time.
const TOGETHER: usize = 8;

/// What foretells an item of a user's list (Le and Mikolov 2014, sections 2.2 and 2.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Architecture {
    /// PV-DM: the mean of the user's vector and those of the items around.
    Memory,
    /// PV-DM by concatenation: the vectors of all items around, each in its place, and the user's,
    /// end to end. Beyond the ends of the list there are zeros (gensim learns a vector for them).
    Concat,
    /// PV-DBOW: the user's vector alone.
    Bag {
        /// Items learn vectors alongside, by skip-gram over the same list and with the same V;
        /// else they keep those they began with, which mean nothing.
        items: bool,
    },
}

impl Architecture {
    /// Rows of U that lie end to end in an input; 1: it is the mean of its rows.
    pub(crate) fn slots(self, window: u32) -> usize {
        match self {
            Self::Concat => 2 * window as usize + 1,
            Self::Memory | Self::Bag { .. } => 1,
        }
    }

    /// Adds the steps of a list. `user`: the user's row of U. A step's input ends with that row,
    /// but for skip-gram's. The half width of a window is drawn uniformly in 1..=`window` for every
    /// place, as word2vec.c does; in [`Architecture::Concat`] it is `window`, for slots have places.
    pub(crate) fn add(
        self,
        (user, items): (u32, &[u32]),
        window: u32,
        rng: &mut KeyedRng,
        examples: &mut Examples<'_>,
    ) {
        match self {
            Self::Memory => {
                let mut inputs = Vec::with_capacity(2 * window as usize + 1);
                for at in 0..items.len() {
                    around(items, at, window, rng, &mut inputs);
                    inputs.push(user);
                    examples.add(&inputs, &items[at..=at], rng);
                }
            }
            Self::Concat => {
                let mut inputs = vec![user; self.slots(window)];
                for at in 0..items.len() {
                    places(items, at, &mut inputs);
                    examples.add_next(&inputs, items[at], at % TOGETHER == 0, rng);
                }
            }
            Self::Bag { items: alongside } => {
                for positives in items.chunks(TOGETHER) {
                    examples.add(&[user], positives, rng);
                }
                let mut contexts = Vec::with_capacity(2 * window as usize);
                for at in 0..if alongside { items.len() } else { 0 } {
                    around(items, at, window, rng, &mut contexts);
                    examples.add(&items[at..=at], &contexts, rng);
                }
            }
        }
    }
}

/// The items around a place, in order.
fn around(items: &[u32], at: usize, window: u32, rng: &mut KeyedRng, out: &mut Vec<u32>) {
    let reach = rng.below(window.max(1)) as usize + 1;
    out.clear();
    out.extend_from_slice(&items[at.saturating_sub(reach)..at]);
    out.extend_from_slice(&items[at + 1..(at + reach + 1).min(items.len())]);
}

/// Fills all slots but the last with the items around a place, from the first before it to the last
/// behind it; PAD where the list has none.
fn places(items: &[u32], at: usize, slots: &mut [u32]) {
    let window = slots.len() / 2;
    for (slot, input) in slots[..2 * window].iter_mut().enumerate() {
        let place = (at + slot + usize::from(slot >= window)).checked_sub(window);
        *input = place.and_then(|p| items.get(p)).copied().unwrap_or(PAD);
    }
}
