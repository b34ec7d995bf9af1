//! Lists of items: a user's, or a basket's.

use pannier_proto::ids::FIRST_ITEM;

use crate::error::TrainerError;

/// Lists of item indices, one after another; every index is a real item of `rows` rows, PAD and UNK
/// among them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Documents {
    items: Vec<u32>,
    ends: Vec<usize>,
    rows: usize,
}

impl Documents {
    /// Checks lists. `items`: all of them in order; `ends`: where each list ends in it.
    ///
    /// # Errors
    /// [`TrainerError::Data`] where the ends do not rise to the number of items, or an index is no
    /// real item.
    pub fn new(items: Vec<u32>, ends: Vec<usize>, rows: usize) -> Result<Self, TrainerError> {
        let wrong = |reason: String| TrainerError::data("documents", reason);
        if !ends.is_sorted() || ends.last().copied().unwrap_or(0) != items.len() {
            return Err(wrong(
                "their ends do not rise to the number of items".into(),
            ));
        }
        if let Some(bad) = items
            .iter()
            .find(|i| **i < FIRST_ITEM || **i as usize >= rows)
        {
            return Err(wrong(format!(
                "item index {bad} is not in {FIRST_ITEM}..{rows}"
            )));
        }
        Ok(Self { items, ends, rows })
    }

    /// Number of lists.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Rows of a matrix with these items, PAD and UNK among them.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Items of a list; empty for one that is not there.
    #[must_use]
    pub fn get(&self, at: usize) -> &[u32] {
        let from = at
            .checked_sub(1)
            .map_or(0, |before| self.ends.get(before).copied().unwrap_or(0));
        self.ends.get(at).map_or(&[], |end| &self.items[from..*end])
    }

    /// How often each real item stands in the lists, from the first real item on.
    #[must_use]
    pub fn counts(&self) -> Vec<u64> {
        let mut counts = vec![0; self.rows.saturating_sub(FIRST_ITEM as usize)];
        for item in &self.items {
            counts[(item - FIRST_ITEM) as usize] += 1;
        }
        counts
    }
}
