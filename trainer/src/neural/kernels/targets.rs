//! Pairs of items and sequences.

/// What logits become.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Link {
    /// A probability for each item.
    #[default]
    Logistic,
    /// Shares of all items together.
    Softmax,
}

/// Pairs of items and sequences, such as what was bought: for each item, ascending, the sequences.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Targets {
    /// By item: where its sequences begin; then the number of all.
    pub starts: Vec<u32>,
    /// Ranks of sequences, ascending within an item.
    pub sequences: Vec<u32>,
    /// By rank: what a pair counts for, above 0 and at most 1; empty: 1 for all.
    pub worth: Vec<f32>,
}

impl Targets {
    /// Of the items of each sequence, by rank; an item counts once in a sequence.
    #[must_use]
    pub fn new<'a>(bought: impl Iterator<Item = &'a [u32]> + Clone, items: usize) -> Self {
        let mut starts = vec![0u32; items + 1];
        let pairs = |each: &mut dyn FnMut(u32, u32)| {
            for (rank, bought) in bought.clone().enumerate() {
                bought.iter().for_each(|item| each(*item, rank as u32));
            }
        };
        pairs(&mut |item, _| starts[item as usize + 1] += 1);
        for at in 0..items {
            starts[at + 1] += starts[at];
        }
        let mut sequences = vec![0; starts[items] as usize];
        let mut next = starts.clone();
        pairs(&mut |item, rank| {
            let at = &mut next[item as usize];
            sequences[*at as usize] = rank;
            *at += 1;
        });
        Self {
            starts,
            sequences,
            worth: Vec::new(),
        }
    }

    pub(crate) fn of(&self, item: usize) -> &[u32] {
        &self.sequences[self.range(item)]
    }

    /// What a pair of a sequence counts for.
    pub(crate) fn worth_of(&self, rank: u32) -> f32 {
        self.worth.get(rank as usize).copied().unwrap_or(1.0)
    }

    pub(crate) fn range(&self, item: usize) -> std::ops::Range<usize> {
        self.starts[item] as usize..self.starts[item + 1] as usize
    }
}
