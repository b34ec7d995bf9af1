//! The first of many places. Pure.

/// Keeps the `k` places of the highest value; of equals those of the smallest index. O(1) for each that
/// is offered, on average.
///
/// Values are rounded to f32, so that two that differ only by the order in which they were summed are
/// equal.
pub(crate) struct Nearest {
    k: usize,
    /// (value, index); at most 2k.
    places: Vec<(f32, u32)>,
    /// A value that is not above it has no place.
    worst: f32,
}

impl Nearest {
    pub(crate) fn new(k: usize) -> Self {
        Self {
            k,
            places: Vec::new(),
            worst: f32::NEG_INFINITY,
        }
    }

    /// Indices must come in ascending order; an infinitely low value never has a place.
    pub(crate) fn offer(&mut self, value: f64, index: u32) {
        let value = value as f32;
        if value > self.worst && self.k > 0 {
            self.places.push((value, index));
            if self.places.len() >= 2 * self.k {
                self.shrink();
            }
        }
    }

    fn shrink(&mut self) {
        if self.places.len() >= self.k && self.k > 0 {
            let last = self.k - 1;
            let (_, worst, _) = self.places.select_nth_unstable_by(last, better);
            self.worst = worst.0;
            self.places.truncate(self.k);
        }
    }

    /// The places, best first.
    pub(crate) fn finish(mut self) -> Vec<(f32, u32)> {
        self.shrink();
        self.places.sort_unstable_by(better);
        self.places
    }
}

fn better(a: &(f32, u32), b: &(f32, u32)) -> std::cmp::Ordering {
    b.0.total_cmp(&a.0).then(a.1.cmp(&b.1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn equal_to_a_full_sort(values in proptest::collection::vec(-4i8..4, 0..80), k in 0usize..20) {
            let mut nearest = Nearest::new(k);
            (0..).zip(&values).for_each(|(at, value)| nearest.offer(f64::from(*value), at));
            let mut all: Vec<(f32, u32)> = values.iter().map(|v| f32::from(*v)).zip(0..).collect();
            all.sort_by(better);
            all.truncate(k);
            prop_assert_eq!(nearest.finish(), all);
        }
    }
}
