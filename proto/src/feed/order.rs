//! The order of an epoch: a pure function of (row groups, seed, epoch, window size).
//! Decides which rows a step holds and in which window they lie; reads nothing.
//!
//! Row groups are permuted by (seed, epoch); consecutive ones form windows of bounded memory;
//! inside a window rows are ordered by a keyed hash of (seed, epoch, row id). Global step `s` is
//! the rows `[s·G, (s+1)·G)` of that order; what becomes of the rows that do not fill a last step
//! is the feed's [`LastStep`].

mod by_hash;

use std::ops::Range;

use crate::feed::{FeedSpec, LastStep};
use by_hash::sorted_by;

/// A bijective mixer of 64 bits (the finaliser of SplitMix64: Steele, Lea and Flood 2014), used
/// wherever randomness has to be a function of keys.
#[inline]
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
    last: LastStep,
    total: u64,
    /// First row id of each row group of the table.
    starts: Vec<u64>,
    sizes: Vec<u64>,
    windows: Vec<Window>,
}

impl EpochOrder {
    /// The order of an epoch of a feed. A window takes row groups until it holds at least
    /// `spec.window_rows` rows.
    #[must_use]
    pub fn new(spec: &FeedSpec, epoch: u64) -> Self {
        let sizes = &spec.row_groups;
        let mut starts = Vec::with_capacity(sizes.len());
        let mut total = 0;
        for rows in sizes {
            starts.push(total);
            total += rows;
        }
        let key = mix(spec.seed ^ mix(epoch));
        let mut groups: Vec<u32> = (0..sizes.len() as u32)
            .filter(|g| sizes[*g as usize] > 0)
            .collect();
        if spec.shuffle {
            groups.sort_by_key(|g| (mix(key ^ mix(u64::from(*g))), *g));
        }
        Self {
            seed: spec.seed,
            epoch,
            shuffle: spec.shuffle,
            batch_rows: spec.batch_rows.max(1),
            last: spec.last,
            total,
            starts,
            windows: windows(&groups, sizes, spec.window_rows),
            sizes: sizes.clone(),
        }
    }

    /// Rows of the table.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.total
    }

    /// Global steps of the epoch, known before it begins.
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.last.steps(self.total, self.batch_rows)
    }

    /// The windows in the order in which the epoch reads them.
    #[must_use]
    pub fn windows(&self) -> &[Window] {
        &self.windows
    }

    /// The window that holds the first row of a step.
    #[must_use]
    pub fn window_of_step(&self, step: u64) -> usize {
        self.window_at(step * self.batch_rows)
    }

    fn window_at(&self, position: u64) -> usize {
        self.windows
            .partition_point(|w| w.first + w.rows <= position)
    }

    /// Places `[from, to)` of the epoch's order that make up a global step. Where the feed pads its
    /// last step, places go on behind the last row: there the order begins anew.
    #[must_use]
    pub fn step_rows(&self, step: u64) -> Range<u64> {
        let from = (step * self.batch_rows).min(self.total);
        let to = from + self.batch_rows;
        match self.last {
            LastStep::Pad if from < self.total => from..to,
            _ => from..to.min(self.total),
        }
    }

    /// Cuts a range of the epoch's order at the borders of windows.
    #[must_use]
    pub fn spans(&self, range: Range<u64>) -> Vec<RowSpan> {
        let mut spans = Vec::new();
        if self.total == 0 {
            return spans;
        }
        let mut position = range.start;
        while position < range.end {
            let lap = position - position % self.total;
            let index = self.window_at(position - lap);
            let window = &self.windows[index];
            let first = lap + window.first;
            let end = range.end.min(first + window.rows);
            spans.push(RowSpan {
                window: index,
                range: position - first..end - first,
            });
            position = end;
        }
        spans
    }

    /// The order inside a window.
    #[must_use]
    pub fn window_order(&self, window: &Window) -> WindowOrder {
        let mut groups = Vec::with_capacity(window.row_groups.len());
        let mut read = 0;
        for group in &window.row_groups {
            groups.push((read, self.starts[*group as usize]));
            read += self.sizes[*group as usize] as u32;
        }
        let mut order = WindowOrder {
            places: Vec::new(),
            rows: read,
            groups,
        };
        if self.shuffle {
            let key = self.row_key();
            order.places = sorted_by(read, |place| mix(key ^ mix(order.id_of(place))));
        }
        order
    }

    /// Seed of a row's own randomness (pairs, subsampling, negatives) in this epoch.
    #[inline]
    #[must_use]
    pub fn row_seed(&self, row_id: u64) -> u64 {
        mix(self.row_key() ^ mix(row_id ^ 0xA5A5_5A5A_0F0F_F0F0))
    }

    #[inline]
    fn row_key(&self) -> u64 {
        mix(self.seed ^ mix(self.epoch ^ 0x5851_F42D_4C95_7F2D))
    }
}

/// The order inside a window: which of its rows, as they are read row group after row group, stands
/// at each place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WindowOrder {
    /// Row by place; empty where rows keep their order.
    places: Vec<u32>,
    rows: u32,
    /// Of each row group: its first row among those read, and that row's id in the table.
    groups: Vec<(u32, u64)>,
}

impl WindowOrder {
    /// Rows of the window.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows as usize
    }

    /// Whether it has none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// The rows at a range of places; `None` where they keep their order: then they are the range.
    #[must_use]
    pub fn rows(&self, range: Range<u64>) -> Option<&[u32]> {
        let shuffled = !self.places.is_empty();
        shuffled.then(|| &self.places[range.start as usize..range.end as usize])
    }

    /// The row at a place.
    #[must_use]
    pub fn row(&self, place: u64) -> u32 {
        self.places
            .get(place as usize)
            .copied()
            .unwrap_or(place as u32)
    }

    /// Which of the window's row groups holds a row, and which of that one's rows it is.
    #[inline]
    #[must_use]
    pub fn group_of(&self, row: u32) -> (usize, u32) {
        let begun = |(first, _): &(u32, u64)| *first <= row;
        // A few are counted without a branch that could be guessed wrong.
        let after = match self.groups.len() {
            0..=16 => self.groups.iter().filter(|group| begun(group)).count(),
            _ => self.groups.partition_point(begun),
        };
        (after - 1, row - self.groups[after - 1].0)
    }

    /// The id in the table of a row of one of the window's row groups.
    #[inline]
    #[must_use]
    pub fn id_in(&self, group: usize, row: u32) -> u64 {
        self.groups[group].1 + u64::from(row)
    }

    /// The id in the table of a row as it is read.
    #[must_use]
    pub fn id_of(&self, row: u32) -> u64 {
        let (group, row) = self.group_of(row);
        self.id_in(group, row)
    }

    /// Bytes it takes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.places.len() * size_of::<u32>() + self.groups.len() * size_of::<(u32, u64)>()
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
mod tests;
