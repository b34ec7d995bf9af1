//! The order of an epoch: a pure function of (row groups, seed, epoch, window size).
//! Decides which rows a step holds and in which window they lie; reads nothing.
//!
//! Row groups are permuted by (seed, epoch); consecutive ones form windows of bounded memory;
//! inside a window rows are ordered by a keyed hash of (seed, epoch, row id). Global step `s` is
//! the rows `[s·G, (s+1)·G)` of that order. The last step of an epoch is short.

use std::ops::Range;

/// A bijective mixer of 64 bits (the finaliser of SplitMix64: Steele, Lea and Flood 2014), used
/// wherever randomness has to be a function of keys.
#[must_use]
pub fn mix(mut z: u64) -> u64 {
    z = z.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// One window: the row groups read together, in the order in which they are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// Indices into the table's list of row groups.
    pub row_groups: Vec<u32>,
    /// Position in the epoch's order of the window's first row.
    pub first: u64,
    /// Rows of the window.
    pub rows: u64,
}

/// A stretch of one window, in the window's own shuffled order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowSpan {
    /// Index of the window.
    pub window: usize,
    /// Positions inside the window's order.
    pub range: Range<u64>,
}

/// The order of one epoch over a table's row groups.
#[derive(Debug, Clone)]
pub struct EpochOrder {
    seed: u64,
    epoch: u64,
    shuffle: bool,
    batch_rows: u64,
    total: u64,
    /// First row id of each row group of the table.
    starts: Vec<u64>,
    sizes: Vec<u64>,
    windows: Vec<Window>,
}

impl EpochOrder {
    /// `row_groups`: rows of each row group in table order. `batch_rows`: rows of a global step.
    /// `window_rows`: a window takes row groups until it holds at least this many rows.
    #[must_use]
    pub fn new(
        row_groups: &[u64],
        seed: u64,
        epoch: u64,
        shuffle: bool,
        batch_rows: u64,
        window_rows: u64,
    ) -> Self {
        let mut starts = Vec::with_capacity(row_groups.len());
        let mut total = 0;
        for rows in row_groups {
            starts.push(total);
            total += rows;
        }
        let key = mix(seed ^ mix(epoch));
        let mut groups: Vec<u32> = (0..row_groups.len() as u32)
            .filter(|g| row_groups[*g as usize] > 0)
            .collect();
        if shuffle {
            groups.sort_by_key(|g| (mix(key ^ mix(u64::from(*g))), *g));
        }
        let windows = windows(&groups, row_groups, window_rows);
        Self {
            seed,
            epoch,
            shuffle,
            batch_rows: batch_rows.max(1),
            total,
            starts,
            sizes: row_groups.to_vec(),
            windows,
        }
    }

    /// Rows of the epoch.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.total
    }

    /// Global steps of the epoch; the last may be short.
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.total.div_ceil(self.batch_rows)
    }

    /// The windows in the order in which the epoch reads them.
    #[must_use]
    pub fn windows(&self) -> &[Window] {
        &self.windows
    }

    /// The window that holds the first row of a step.
    #[must_use]
    pub fn window_of_step(&self, step: u64) -> usize {
        let position = step * self.batch_rows;
        self.windows
            .partition_point(|w| w.first + w.rows <= position)
    }

    /// Rows `[from, to)` of the epoch's order that make up a global step.
    #[must_use]
    pub fn step_rows(&self, step: u64) -> Range<u64> {
        let from = (step * self.batch_rows).min(self.total);
        from..(from + self.batch_rows).min(self.total)
    }

    /// Cuts a range of the epoch's order at the borders of windows.
    #[must_use]
    pub fn spans(&self, range: Range<u64>) -> Vec<RowSpan> {
        let mut spans = Vec::new();
        let mut position = range.start;
        let mut index = self
            .windows
            .partition_point(|w| w.first + w.rows <= position);
        while position < range.end && index < self.windows.len() {
            let window = &self.windows[index];
            let end = range.end.min(window.first + window.rows);
            spans.push(RowSpan {
                window: index,
                range: position - window.first..end - window.first,
            });
            position = end;
            index += 1;
        }
        spans
    }

    /// The order inside a window: for each place, (row id in the table, position among the
    /// window's rows as they are read, row group after row group).
    #[must_use]
    pub fn window_order(&self, window: &Window) -> Vec<(u64, u32)> {
        let mut rows = Vec::with_capacity(window.rows as usize);
        let mut read = 0u32;
        for group in &window.row_groups {
            let start = self.starts[*group as usize];
            for offset in 0..self.sizes[*group as usize] {
                rows.push((start + offset, read));
                read += 1;
            }
        }
        if self.shuffle {
            let key = self.row_key();
            rows.sort_by_cached_key(|(id, _)| (mix(key ^ mix(*id)), *id));
        }
        rows
    }

    /// Seed of a row's own randomness (pairs, subsampling) in this epoch.
    #[must_use]
    pub fn row_seed(&self, row_id: u64) -> u64 {
        mix(self.row_key() ^ mix(row_id ^ 0xA5A5_5A5A_0F0F_F0F0))
    }

    fn row_key(&self) -> u64 {
        mix(self.seed ^ mix(self.epoch ^ 0x5851_F42D_4C95_7F2D))
    }
}

/// Cuts the permuted row groups into windows.
fn windows(groups: &[u32], sizes: &[u64], window_rows: u64) -> Vec<Window> {
    let mut windows: Vec<Window> = Vec::new();
    let mut position = 0;
    for group in groups {
        let rows = sizes[*group as usize];
        match windows.last_mut() {
            Some(window) if window.rows < window_rows => {
                window.row_groups.push(*group);
                window.rows += rows;
            }
            _ => windows.push(Window {
                row_groups: vec![*group],
                first: position,
                rows,
            }),
        }
        position += rows;
    }
    windows
}

/// The contiguous slice of a global step's rows that belongs to replica `replica` of `replicas`.
#[must_use]
pub fn replica_slice(rows: Range<u64>, replica: u32, replicas: u32) -> Range<u64> {
    let (n, r, len) = (
        u64::from(replicas.max(1)),
        u64::from(replica),
        rows.end - rows.start,
    );
    rows.start + len * r / n..rows.start + len * (r + 1) / n
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ids(order: &EpochOrder, range: Range<u64>) -> Vec<u64> {
        let mut out = Vec::new();
        for span in order.spans(range) {
            let rows = order.window_order(&order.windows()[span.window]);
            out.extend(
                rows[span.range.start as usize..span.range.end as usize]
                    .iter()
                    .map(|(id, _)| *id),
            );
        }
        out
    }

    proptest! {
        #[test]
        fn every_row_exactly_once(groups in proptest::collection::vec(0u64..40, 0..12), seed: u64, epoch in 0u64..5, batch in 1u64..50, window in 1u64..80) {
            let order = EpochOrder::new(&groups, seed, epoch, true, batch, window);
            let mut all = Vec::new();
            for step in 0..order.steps() {
                let rows = order.step_rows(step);
                prop_assert!(!rows.is_empty());
                let whole = ids(&order, rows.clone());
                for replicas in 1..4 {
                    let parts: Vec<u64> = (0..replicas).flat_map(|r| ids(&order, replica_slice(rows.clone(), r, replicas))).collect();
                    prop_assert_eq!(&parts, &whole);
                }
                prop_assert_eq!(order.spans(rows.clone())[0].window, order.window_of_step(step));
                all.extend(whole);
            }
            let in_order = all.clone();
            all.sort_unstable();
            prop_assert_eq!(all, (0..groups.iter().sum()).collect::<Vec<u64>>());
            let again = EpochOrder::new(&groups, seed, epoch, true, batch, window);
            prop_assert_eq!(ids(&again, 0..again.rows()), in_order);
        }

        #[test]
        fn unshuffled_is_table_order(groups in proptest::collection::vec(0u64..40, 0..12), batch in 1u64..50) {
            let order = EpochOrder::new(&groups, 1, 0, false, batch, 16);
            prop_assert_eq!(ids(&order, 0..order.rows()), (0..order.rows()).collect::<Vec<u64>>());
        }
    }

    #[test]
    fn another_order_in_every_epoch() {
        let groups = vec![100u64; 10];
        let of = |epoch| ids(&EpochOrder::new(&groups, 7, epoch, true, 64, 300), 0..1000);
        assert_ne!(of(0), of(1));
        assert_ne!(of(1), of(2));
    }
}
