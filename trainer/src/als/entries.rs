//! What rows have to do with columns: a sparse matrix, row after row.

use crate::error::TrainerError;

/// A sparse matrix of positive (implicit) or any (explicit) numbers; columns of a row ascend.
#[derive(Debug, Clone, PartialEq)]
pub struct Entries {
    columns: usize,
    /// Where each row begins, and the end.
    starts: Vec<usize>,
    of: Vec<u32>,
    values: Vec<f32>,
}

impl Entries {
    /// From entries in any order; those at one place are added up.
    ///
    /// # Errors
    /// [`TrainerError::Data`] where one lies outside, or is no number.
    pub fn new(
        rows: usize,
        columns: usize,
        entries: &[(u32, u32, f32)],
    ) -> Result<Self, TrainerError> {
        for (row, column, value) in entries {
            let inside = (*row as usize) < rows && (*column as usize) < columns;
            if !inside || !value.is_finite() {
                return Err(TrainerError::data(
                    "counts",
                    format!("{value} at ({row}, {column}) of {rows} x {columns}"),
                ));
            }
        }
        let mut sorted = entries.to_vec();
        sorted.sort_by_key(|(row, column, _)| (*row, *column));
        sorted.dedup_by(|next, kept| {
            let same = (next.0, next.1) == (kept.0, kept.1);
            if same {
                kept.2 += next.2;
            }
            same
        });
        let mut starts = vec![0; rows + 1];
        for (row, ..) in &sorted {
            starts[*row as usize + 1] += 1;
        }
        for row in 0..rows {
            starts[row + 1] += starts[row];
        }
        let (of, values) = sorted.into_iter().map(|(_, c, v)| (c, v)).unzip();
        Ok(Self {
            columns,
            starts,
            of,
            values,
        })
    }

    /// No rows yet.
    pub(crate) fn none(columns: usize) -> Self {
        Self {
            columns,
            starts: vec![0],
            of: Vec::new(),
            values: Vec::new(),
        }
    }

    /// Adds a row.
    pub(crate) fn push_row(&mut self) {
        self.starts.push(self.len());
    }

    /// Adds an entry to the last row, of which there is one; columns of a row come in order.
    ///
    /// # Errors
    /// [`TrainerError::Data`] where it lies outside, comes out of order, or is no number.
    pub(crate) fn push(&mut self, column: usize, value: f32) -> Result<(), TrainerError> {
        let wrong = |reason: String| Err(TrainerError::data("counts", reason));
        if column >= self.columns {
            let reason = format!(
                "item {column} of {}: counts and vocab are of different versions",
                self.columns
            );
            return wrong(reason);
        }
        if !value.is_finite() {
            return wrong(format!("{value} is no count"));
        }
        let (end, starts) = (self.len(), self.starts.len());
        let first = starts < 2 || self.starts[starts - 2] == end;
        let ascends = self.of.last().is_none_or(|last| (*last as usize) < column);
        if !first && !ascends {
            return wrong("a user's items are not in the order of their indices, each once".into());
        }
        self.of.push(column as u32);
        self.values.push(value);
        self.starts[starts - 1] = end + 1;
        Ok(())
    }

    /// Rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.starts.len() - 1
    }

    /// Columns.
    #[must_use]
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Entries.
    #[must_use]
    pub fn len(&self) -> usize {
        self.of.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.of.is_empty()
    }

    /// Columns and values of a row.
    #[must_use]
    pub fn row(&self, row: usize) -> (&[u32], &[f32]) {
        let range = self.starts[row]..self.starts[row + 1];
        (&self.of[range.clone()], &self.values[range])
    }

    /// Rows and columns in each other's place.
    #[must_use]
    pub fn transposed(&self) -> Self {
        let mut starts = vec![0; self.columns + 1];
        for column in &self.of {
            starts[*column as usize + 1] += 1;
        }
        for column in 0..self.columns {
            starts[column + 1] += starts[column];
        }
        let mut ends = starts.clone();
        let (mut of, mut values) = (vec![0; self.len()], vec![0.0; self.len()]);
        for row in 0..self.rows() {
            let (columns, row_values) = self.row(row);
            for (column, value) in columns.iter().zip(row_values) {
                let end = &mut ends[*column as usize];
                (of[*end], values[*end]) = (row as u32, *value);
                *end += 1;
            }
        }
        Self {
            columns: self.rows(),
            starts,
            of,
            values,
        }
    }
}
