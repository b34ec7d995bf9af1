//! Sequences of different lengths without padding: the longest first, and step by step the rows of
//! those that are so long.

/// Where the rows of sequences lie. Sequences are counted by rank: by length, the longest first, equal
/// ones in their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packing {
    /// By rank: the sequence's place among those given.
    pub order: Vec<u32>,
    /// By rank: its rows.
    pub lengths: Vec<u32>,
    /// By step: the row of rank 0; then the number of all rows.
    pub steps: Vec<u32>,
}

impl Packing {
    /// Of sequences of these lengths, all above 0.
    #[must_use]
    pub fn new(lengths: &[u32]) -> Self {
        let mut order: Vec<u32> = (0..lengths.len() as u32).collect();
        order.sort_by_key(|at| std::cmp::Reverse(lengths[*at as usize]));
        let lengths: Vec<u32> = order.iter().map(|at| lengths[*at as usize]).collect();
        let longest = lengths.first().copied().unwrap_or(0);
        let mut steps = vec![0];
        let (mut rows, mut active) = (0, lengths.len());
        for step in 0..longest {
            while active > 0 && lengths[active - 1] <= step {
                active -= 1;
            }
            rows += active as u32;
            steps.push(rows);
        }
        Self {
            order,
            lengths,
            steps,
        }
    }

    /// Sequences.
    #[must_use]
    pub fn sequences(&self) -> usize {
        self.lengths.len()
    }

    /// Steps of the longest.
    #[must_use]
    pub fn longest(&self) -> usize {
        self.steps.len() - 1
    }

    /// Rows of all.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.steps[self.steps.len() - 1] as usize
    }

    /// The row of a step of a sequence.
    #[inline(always)]
    #[must_use]
    pub fn row(&self, step: usize, rank: usize) -> usize {
        self.steps[step] as usize + rank
    }

    /// How many sequences have a step.
    #[inline(always)]
    #[must_use]
    pub fn active(&self, step: usize) -> usize {
        (self.steps[step + 1] - self.steps[step]) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_come_first_and_steps_have_no_holes() {
        let packing = Packing::new(&[2, 3, 1, 3]);
        assert_eq!(packing.order, [1, 3, 0, 2]);
        assert_eq!(packing.lengths, [3, 3, 2, 1]);
        assert_eq!(packing.steps, [0, 4, 7, 9]);
        assert_eq!((packing.rows(), packing.longest()), (9, 3));
        assert_eq!((packing.active(1), packing.row(1, 2)), (3, 6));
    }
}
