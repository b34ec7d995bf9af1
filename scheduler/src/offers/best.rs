//! The best of many, some at a time. Pure.

/// Keeps the `top` largest scores of what it is given; of equals those that came first.
pub struct Best<T> {
    top: usize,
    kept: Vec<(f32, u64, T)>,
    /// What is no better than this is not among the best.
    floor: f32,
    seen: u64,
}

impl<T> Best<T> {
    /// Of nothing yet.
    pub fn new(top: usize) -> Self {
        Self {
            top,
            kept: Vec::new(),
            floor: f32::NEG_INFINITY,
            seen: 0,
        }
    }

    /// Takes one more; what it is is asked for only where it may be among the best.
    pub fn push(&mut self, score: f32, what: impl FnOnce() -> T) {
        self.seen += 1;
        if score <= self.floor {
            return;
        }
        self.kept.push((score, self.seen, what()));
        if self.kept.len() >= 2 * self.top.max(1) {
            self.cut();
            self.floor = self.kept.last().map_or(f32::INFINITY, |last| last.0);
        }
    }

    /// How many there were.
    pub fn seen(&self) -> u64 {
        self.seen
    }

    /// Best first.
    pub fn finish(mut self) -> Vec<(T, f32)> {
        self.cut();
        let kept = self.kept.into_iter();
        kept.map(|(score, _, what)| (what, score)).collect()
    }

    fn cut(&mut self) {
        self.kept
            .sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        self.kept.truncate(self.top);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn as_if_all_were_sorted(scores in prop::collection::vec(0u8..20, 0..200), top in 1usize..12) {
            let mut best = Best::new(top);
            for (at, score) in scores.iter().enumerate() {
                best.push(f32::from(*score), || at);
            }
            prop_assert_eq!(best.seen(), scores.len() as u64);
            let mut all: Vec<(usize, f32)> =
                scores.iter().map(|s| f32::from(*s)).enumerate().collect();
            all.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
            all.truncate(top);
            prop_assert_eq!(best.finish(), all);
        }
    }
}
