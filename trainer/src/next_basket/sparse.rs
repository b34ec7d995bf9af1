//! Sparse rows laid end to end: lists of indices, and indices with weights.

use rayon::iter::{IntoParallelIterator, ParallelIterator};

/// A column and its value.
pub(crate) type Entry = (u32, f32);

/// Rows of `T`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Rows<T> {
    values: Vec<T>,
    /// End of each row in `values`.
    ends: Vec<usize>,
}

impl<T> Default for Rows<T> {
    fn default() -> Self {
        Self {
            values: Vec::new(),
            ends: Vec::new(),
        }
    }
}

impl<T: Copy + Send> Rows<T> {
    /// Adds a row.
    pub(crate) fn push(&mut self, row: &[T]) {
        self.values.extend_from_slice(row);
        self.ends.push(self.values.len());
    }

    /// How many.
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// A row.
    pub(crate) fn row(&self, at: usize) -> &[T] {
        self.span(at, at + 1)
    }

    /// The values of the rows `from..to`.
    pub(crate) fn span(&self, from: usize, to: usize) -> &[T] {
        let end = |at: usize| at.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.values[end(from)..end(to)]
    }

    /// As many rows as `of` makes, in parallel.
    pub(crate) fn collect(rows: usize, of: impl Fn(usize) -> Vec<T> + Sync + Send) -> Self {
        let made: Vec<Vec<T>> = (0..rows).into_par_iter().map(of).collect();
        let mut all = Self::default();
        all.values.reserve_exact(made.iter().map(Vec::len).sum());
        made.iter().for_each(|row| all.push(row));
        all
    }

    /// For each of `columns` columns what `to` makes of the rows that have it, in their order.
    fn across<U: Copy + Default>(
        &self,
        columns: usize,
        column: impl Fn(T) -> u32,
        to: impl Fn(u32, T) -> U,
    ) -> Rows<U> {
        let mut ends = vec![0; columns + 1];
        for value in &self.values {
            ends[column(*value) as usize + 1] += 1;
        }
        for at in 0..columns {
            ends[at + 1] += ends[at];
        }
        let mut values = vec![U::default(); self.values.len()];
        for (at, row) in (0..).zip(0..self.len()) {
            for value in self.row(row) {
                let next = &mut ends[column(*value) as usize];
                values[*next] = to(at, *value);
                *next += 1;
            }
        }
        // Each start has moved to its end.
        ends.truncate(columns);
        Rows { values, ends }
    }
}

impl Rows<u32> {
    /// For each column the rows that have it, ascending.
    pub(crate) fn transposed(&self, columns: usize) -> Self {
        self.across(columns, |column| column, |row, _| row)
    }
}

impl Rows<Entry> {
    /// For each column the rows that have it, ascending, with its values there.
    pub(crate) fn transposed(&self, columns: usize) -> Self {
        self.across(columns, |entry| entry.0, |row, entry| (row, entry.1))
    }
}

/// Sums by column, by column ascending. Of one column, values are added in the order in which they come.
pub(crate) fn summed(mut values: Vec<(u32, f64)>) -> Vec<Entry> {
    values.sort_by_key(|value| value.0);
    let of_column = |same: &[(u32, f64)]| {
        let sum: f64 = same.iter().map(|value| value.1).sum();
        (same[0].0, sum as f32)
    };
    values.chunk_by(|a, b| a.0 == b.0).map(of_column).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_transposed_matrix_has_the_same_entries(
            rows in proptest::collection::vec(proptest::collection::btree_map(0u32..7, 1u8..9, 0..5), 0..9),
        ) {
            let mut all = Rows::default();
            let mut lists = Rows::default();
            for row in &rows {
                all.push(&row.iter().map(|(c, v)| (*c, f32::from(*v))).collect::<Vec<Entry>>());
                lists.push(&row.keys().copied().collect::<Vec<u32>>());
            }
            let (across, columns) = (all.transposed(7), lists.transposed(7));
            prop_assert_eq!((across.len(), columns.len()), (7, 7));
            for column in 0..7 {
                let expected: Vec<Entry> = (0..).zip(&rows)
                    .filter_map(|(at, row)| Some((at, f32::from(*row.get(&column)?)))).collect();
                prop_assert_eq!(across.row(column as usize), &expected[..]);
                let rows: Vec<u32> = expected.iter().map(|e| e.0).collect();
                prop_assert_eq!(columns.row(column as usize), &rows[..]);
            }
        }
    }

    #[test]
    fn sums_are_by_column() {
        let sums = summed(vec![(3, 0.5), (1, 2.0), (3, 0.25)]);
        assert_eq!(sums, [(1, 2.0), (3, 0.75)]);
        assert_eq!(summed(vec![]), []);
    }
}
