//! Which steps a user's list makes.

use pannier_proto::feed::KeyedRng;

use crate::sgns::Examples;

/// Positives that share negatives in [`Architecture::Bag`]: a user's items, so many at a time.
const TOGETHER: usize = 8;

/// What foretells an item of a user's list (Le and Mikolov 2014, sections 2.2 and 2.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Architecture {
    /// PV-DM: the mean of the user's vector and those of the items around.
    Memory,
    /// PV-DBOW: the user's vector alone.
    Bag {
        /// Items learn vectors alongside, by skip-gram over the same list and with the same V;
        /// else they keep those they began with, which mean nothing.
        items: bool,
    },
}

impl Architecture {
    /// Adds the steps of a list. `user`: the user's row of U. A step's input ends with that row,
    /// but for skip-gram's. The half width of a window is drawn uniformly in 1..=`window` for every
    /// place, as word2vec.c does.
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
