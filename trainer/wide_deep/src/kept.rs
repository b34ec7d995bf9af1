//! Everything of a learner that a checkpoint must hold: with it, a training that stopped goes on to the
//! same bits.

use crate::adam::Clock;
use crate::error::Error;
use crate::learner::Learner;
use crate::norm::Running;
use crate::sizes::{CROSSES, Named, Sizes};

/// A learner's numbers, by name.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Kept {
    /// Weights as they stand in training, and what Adam keeps of them (`mean.…`, `square.…`).
    pub floats: Vec<Named>,
    /// `learned.…` by table: the step of each row's last gradient.
    pub words: Vec<(String, Vec<u32>)>,
    /// `owed`, of rows without a gradient, and `running`, of batch normalisation.
    pub longs: Vec<(String, Vec<f64>)>,
}

const OWED: &str = "owed";
const RUNNING: &str = "running";
const PREFIXES: [&str; 3] = ["", "mean.", "square."];

impl Kept {
    fn longs(&self, name: &str) -> Result<&[f64], Error> {
        let found = self.longs.iter().find(|(of, _)| of == name);
        found
            .map(|(_, numbers)| &numbers[..])
            .ok_or_else(|| Error::File(format!("a checkpoint without `{name}`")))
    }
}

impl Learner {
    /// Names and shapes of the tables.
    fn named_tables(sizes: &Sizes) -> Vec<(String, Vec<usize>)> {
        let shapes = sizes.shapes().into_iter().enumerate();
        let tables = shapes.filter(|(at, (name, _))| *at < 3 || name == CROSSES);
        tables.map(|(_, named)| named).collect()
    }

    /// What a checkpoint holds.
    #[must_use]
    pub fn kept(&self) -> Kept {
        let mut kept = Kept::default();
        let [means, squares] = &self.moments;
        for (prefix, dense) in PREFIXES.into_iter().zip([&self.dense, means, squares]) {
            kept.floats.extend(self.layout.named(dense, prefix));
        }
        let named = Self::named_tables(&self.sizes);
        for (table, (name, shape)) in self.tables.iter().zip(named) {
            let numbers = [&table.weights, &table.means, &table.squares];
            for (prefix, numbers) in PREFIXES.into_iter().zip(numbers) {
                kept.floats.push(Named {
                    name: format!("{prefix}{name}"),
                    shape: shape.clone(),
                    numbers: numbers.clone(),
                });
            }
            kept.words
                .push((format!("learned.{name}"), table.learned.clone()));
        }
        let owed = self.clock.owed.iter().flatten().copied().collect();
        kept.longs.push((OWED.into(), owed));
        let mut running: Vec<f64> = self.running.sums.iter().flatten().copied().collect();
        running.push(self.running.weight);
        kept.longs.push((RUNNING.into(), running));
        kept
    }

    /// Goes on from what was kept of a learner of the same sizes.
    ///
    /// # Errors
    /// [`Error::File`] where something is missing or of another length.
    pub fn resume(&mut self, kept: &Kept) -> Result<(), Error> {
        let wrong = |name: &str| Error::File(format!("a checkpoint whose `{name}` does not fit"));
        let float = |name: &str| {
            let found = kept.floats.iter().find(|named| named.name == name);
            found.ok_or_else(|| wrong(name))
        };
        let mut dense = Vec::new();
        for prefix in PREFIXES {
            let mut of = Vec::new();
            for piece in &self.layout.pieces {
                let named = float(&format!("{prefix}{}", piece.name))?;
                if named.shape != piece.shape {
                    return Err(wrong(&named.name));
                }
                of.push(Named {
                    name: piece.name.clone(),
                    ..named.clone()
                });
            }
            dense.push(self.layout.gather(&of));
        }
        let names = Self::named_tables(&self.sizes);
        for (table, (name, shape)) in self.tables.iter_mut().zip(names) {
            let mut taken = Vec::new();
            for prefix in PREFIXES {
                let named = float(&format!("{prefix}{name}"))?;
                if named.shape != shape || named.numbers.len() != table.weights.len() {
                    return Err(wrong(&named.name));
                }
                taken.push(named.numbers.clone());
            }
            let key = format!("learned.{name}");
            let learned = kept.words.iter().find(|(of, _)| *of == key);
            let learned = learned.filter(|(_, words)| words.len() == table.learned.len());
            table
                .learned
                .clone_from(&learned.ok_or_else(|| wrong(&key))?.1);
            if let [weights, means, squares] = &mut taken[..] {
                std::mem::swap(&mut table.weights, weights);
                std::mem::swap(&mut table.means, means);
                std::mem::swap(&mut table.squares, squares);
            }
        }
        if let [weights, means, squares] = &mut dense[..] {
            std::mem::swap(&mut self.dense, weights);
            self.moments = [std::mem::take(means), std::mem::take(squares)];
        }
        let owed = kept.longs(OWED)?.chunks_exact(2);
        self.clock = Clock::new(owed.map(|of| [of[0], of[1]]).collect());
        let running = kept.longs(RUNNING)?;
        let columns = self.sizes.context.len();
        let [sums @ .., weight] = running else {
            return Err(wrong(RUNNING));
        };
        if sums.len() != 2 * columns {
            return Err(wrong(RUNNING));
        }
        self.running = Running {
            sums: sums.chunks_exact(2).map(|of| [of[0], of[1]]).collect(),
            weight: *weight,
        };
        Ok(())
    }
}
