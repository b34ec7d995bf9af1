//! Rows that a model is asked or taught: columns beside each other.

use crate::error::Error;
use crate::sizes::Sizes;

/// Rows, column by column. Index 1 stands for what is not known.
#[derive(Debug, Clone, Copy)]
pub struct Rows<'a> {
    /// user_idx.
    pub users: &'a [u32],
    /// item_idx.
    pub items: &'a [u32],
    /// category_idx.
    pub categories: &'a [u32],
    /// The context's numbers as they are, [rows, numbers].
    pub context: &'a [f32],
}

impl<'a> Rows<'a> {
    /// How many.
    #[must_use]
    pub fn len(&self) -> usize {
        self.users.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.users.is_empty()
    }

    /// The context of a row.
    pub(crate) fn context(&self, row: usize) -> &'a [f32] {
        let numbers = self.context.len() / self.users.len().max(1);
        &self.context[row * numbers..][..numbers]
    }

    /// Whether a model of these sizes can take them.
    ///
    /// # Errors
    /// [`Error::Rows`] where columns are of different lengths, or an index has no row in its table.
    pub fn check(&self, sizes: &Sizes) -> Result<(), Error> {
        let len = self.len();
        let same = self.items.len() == len && self.categories.len() == len;
        if !same || self.context.len() != len * sizes.context.len() {
            let reason = format!(
                "columns are not of {len} rows with {} numbers of context",
                sizes.context.len()
            );
            return Err(Error::Rows(reason));
        }
        let columns = [
            ("user_idx", self.users, sizes.users),
            ("item_idx", self.items, sizes.items),
            ("category_idx", self.categories, sizes.categories),
        ];
        for (name, indices, rows) in columns {
            let largest = indices.iter().max().copied().unwrap_or(0) as usize;
            if largest >= rows {
                let reason = format!(
                    "{name} {largest} is not below {rows}: they and the model are of different versions"
                );
                return Err(Error::Rows(reason));
            }
        }
        Ok(())
    }
}

/// Rows with what came of them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Batch {
    /// user_idx.
    pub users: Vec<u32>,
    /// item_idx.
    pub items: Vec<u32>,
    /// category_idx.
    pub categories: Vec<u32>,
    /// The context's numbers as they are, [rows, numbers].
    pub context: Vec<f32>,
    /// 1 bought, 0 not.
    pub labels: Vec<f32>,
}

impl Batch {
    /// Without what came of them.
    #[must_use]
    pub fn rows(&self) -> Rows<'_> {
        Rows {
            users: &self.users,
            items: &self.items,
            categories: &self.categories,
            context: &self.context,
        }
    }
}
