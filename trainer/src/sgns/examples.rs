//! Steps that lie ready to be taken, negatives drawn: a few documents' worth, so that they stay in
//! near memory and rows can be asked for ahead.

use pannier_proto::feed::{KeyedRng, NoiseTable, PairMaker, PairWindow};
use pannier_proto::ids::FIRST_ITEM;

use crate::lanes::{Lane, Simd};
use crate::sgns::learner::Learner;

/// The loss of every so-many-th step is measured.
pub(crate) const LOSS_EVERY: usize = 32;
/// How many steps ahead rows are asked for.
const AHEAD: usize = 2;

/// How negatives are drawn.
#[derive(Debug, Clone)]
pub(crate) struct Sampling {
    pub noise: NoiseTable,
    /// Of a step.
    pub negatives: usize,
    /// Positives of one input share a step's negatives.
    pub shared: bool,
}

/// Where a step's part of the lists ends.
#[derive(Debug, Clone, Copy, Default)]
struct Ends {
    inputs: usize,
    positives: usize,
    targets: usize,
}

/// Steps, one after another.
pub(crate) struct Examples<'a> {
    sampling: &'a Sampling,
    inputs: Vec<u32>,
    targets: Vec<u32>,
    ends: Vec<Ends>,
    maker: PairMaker,
    centers: Vec<u32>,
    contexts: Vec<u32>,
}

impl<'a> Examples<'a> {
    /// None yet.
    pub(crate) fn new(sampling: &'a Sampling) -> Self {
        Self {
            sampling,
            inputs: Vec::new(),
            targets: Vec::new(),
            ends: Vec::new(),
            maker: PairMaker::default(),
            centers: Vec::new(),
            contexts: Vec::new(),
        }
    }

    /// Adds the steps of an input (some rows, not none) and its positives: one, or one for each.
    #[inline(always)]
    pub(crate) fn add(&mut self, inputs: &[u32], positives: &[u32], rng: &mut KeyedRng) {
        let together = if self.sampling.shared {
            positives.len()
        } else {
            1
        };
        for positives in positives.chunks(together.max(1)) {
            self.inputs.extend_from_slice(inputs);
            self.targets.extend_from_slice(positives);
            let positives = self.targets.len();
            for _ in 0..self.sampling.negatives {
                self.targets.push(self.sampling.noise.draw(rng));
            }
            let (inputs, targets) = (self.inputs.len(), self.targets.len());
            self.ends.push(Ends {
                inputs,
                positives,
                targets,
            });
        }
    }

    /// Adds the step of an input (some rows, not none) and one positive. Where negatives are shared it
    /// has those of the step before, unless it is the `first` that shares them.
    #[inline(always)]
    pub(crate) fn add_next(
        &mut self,
        inputs: &[u32],
        positive: u32,
        first: bool,
        rng: &mut KeyedRng,
    ) {
        let before = match self.ends.last() {
            Some(ends) if self.sampling.shared && !first => *ends,
            _ => return self.add(inputs, &[positive], rng),
        };
        self.inputs.extend_from_slice(inputs);
        self.targets.push(positive);
        let positives = self.targets.len();
        self.targets
            .extend_from_within(before.positives..before.targets);
        self.ends.push(Ends {
            inputs: self.inputs.len(),
            positives,
            targets: self.targets.len(),
        });
    }

    /// Adds the steps of skip-gram over one list: the feed's pairs, an item's together.
    pub(crate) fn add_skip_gram(
        &mut self,
        items: &[u32],
        window: PairWindow,
        keep: &[u32],
        rng: &mut KeyedRng,
    ) {
        let mut centers = std::mem::take(&mut self.centers);
        let mut contexts = std::mem::take(&mut self.contexts);
        centers.clear();
        contexts.clear();
        let seed = rng.next_u64();
        self.maker.append(
            items,
            FIRST_ITEM,
            window,
            keep,
            seed,
            &mut centers,
            &mut contexts,
        );
        self.add_pairs(&centers, &contexts, rng);
        (self.centers, self.contexts) = (centers, contexts);
    }

    /// Adds the steps of pairs; those of one center stand together.
    pub(crate) fn add_pairs(&mut self, centers: &[u32], contexts: &[u32], rng: &mut KeyedRng) {
        let mut from = 0;
        for of_center in centers.chunk_by(|a, b| a == b) {
            let to = from + of_center.len();
            self.add(&of_center[..1], &contexts[from..to], rng);
            from = to;
        }
    }

    /// Rows that lie ready.
    pub(crate) fn len(&self) -> usize {
        self.inputs.len() + self.targets.len()
    }

    /// Takes all steps in order and forgets them; how many pairs they were.
    ///
    /// # Safety
    /// As of [`Learner::learn`], for all that was added and the noise.
    #[inline(always)]
    pub(crate) unsafe fn learn<S: Simd>(&mut self, learner: &mut Learner<'_>) -> u64 {
        let (mut from, mut pairs) = (Ends::default(), 0);
        for at in 0..self.ends.len() {
            let ends = self.ends[at];
            let inputs = &self.inputs[from.inputs..ends.inputs];
            let positives = &self.targets[from.targets..ends.positives];
            let negatives = &self.targets[ends.positives..ends.targets];
            // SAFETY: the caller's.
            unsafe {
                if at + AHEAD < self.ends.len() {
                    let (before, ahead) = (self.ends[at + AHEAD - 1], self.ends[at + AHEAD]);
                    let inputs = &self.inputs[before.inputs..ahead.inputs];
                    learner.prefetch::<S>(inputs, &self.targets[before.targets..ahead.targets]);
                }
                learner.learn::<S>(inputs, positives, negatives, at % LOSS_EVERY == 0);
            }
            pairs += positives.len() as u64;
            from = ends;
        }
        self.clear();
        pairs
    }

    /// Takes all steps in order for a row of its own, in place of the last row of each input, and
    /// forgets them.
    ///
    /// # Safety
    /// As of [`Learner::infer`], for all that was added and the noise.
    #[inline(always)]
    pub(crate) unsafe fn infer<S: Simd>(&mut self, learner: &mut Learner<'_>, own: *mut Lane) {
        let mut from = Ends::default();
        for ends in &self.ends {
            let items = &self.inputs[from.inputs..ends.inputs - 1];
            let positives = &self.targets[from.targets..ends.positives];
            let negatives = &self.targets[ends.positives..ends.targets];
            // SAFETY: the caller's.
            unsafe { learner.infer::<S>(own, items, positives, negatives) }
            from = *ends;
        }
        self.clear();
    }

    fn clear(&mut self) {
        self.inputs.clear();
        self.targets.clear();
        self.ends.clear();
    }

    /// Inputs, positives and negatives of the steps that lie ready.
    #[cfg(test)]
    pub(crate) fn steps(&self) -> Vec<(Vec<u32>, Vec<u32>, Vec<u32>)> {
        let begins = std::iter::once(Ends::default()).chain(self.ends.iter().copied());
        let step = |(from, to): (Ends, &Ends)| {
            let inputs = self.inputs[from.inputs..to.inputs].to_vec();
            let positives = self.targets[from.targets..to.positives].to_vec();
            (
                inputs,
                positives,
                self.targets[to.positives..to.targets].to_vec(),
            )
        };
        begins.zip(&self.ends).map(step).collect()
    }
}
