//! The state of a training as a safetensors image: what the learner keeps, the best epoch's weights
//! (`best.…`), and as bytes the digests of batches; metadata `state` in JSON.

use std::collections::HashMap;

use pannier_feed::digest::Ledger;
use pannier_wide_deep::{Kept, Named, Sizes};
use safetensors::tensor::{Dtype, TensorView};
use safetensors::{SafeTensors, serialize};
use serde::{Deserialize, Serialize};

use crate::checkpoint::{Checkpointed, OTHER_WORK};
use crate::error::TrainerError;
use crate::neural::schedule::Watched;
use crate::tensors::metadata;

const LEDGER: &str = "ledger";
const STATE: &str = "state";
const BEST: &str = "best.";

/// A training between two steps.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct State {
    pub kept: Kept,
    pub course: Course,
}

/// What a training knows besides its model.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Course {
    /// Epoch and step that come next.
    pub next: (u64, u64),
    /// Decisions learned from.
    pub examples: u64,
    /// Loss times decisions since the last point of its curve, and those decisions.
    pub loss: (f64, u64),
    /// What a decision weighs that was not bought, and one that was.
    pub classes: [f32; 2],
    pub watched: Watched,
    /// The weights after the best epoch.
    pub best: Option<Vec<Named>>,
    pub ledger: Ledger,
}

/// The part of a state that is no tensor.
#[derive(Serialize, Deserialize)]
struct Header {
    /// Digest of everything that decides the training.
    work: String,
    epoch: u64,
    step: u64,
    examples: u64,
    /// Bits: decimal text need not give the same number back.
    loss_bits: u64,
    loss_examples: u64,
    class_bits: [u32; 2],
    watched: Watched,
}

/// A tensor on its way into a file.
type Entry = (String, Dtype, Vec<usize>, Vec<u8>);

fn floats(prefix: &str, named: &Named) -> Entry {
    let bytes = named.numbers.iter().flat_map(|x| x.to_le_bytes());
    let name = format!("{prefix}{}", named.name);
    (name, Dtype::F32, named.shape.clone(), bytes.collect())
}

impl State {
    fn entries(&self) -> Vec<Entry> {
        let Kept {
            floats: kept,
            words,
            longs,
        } = &self.kept;
        let best = self.course.best.iter().flatten();
        let mut entries: Vec<Entry> = kept.iter().map(|named| floats("", named)).collect();
        entries.extend(best.map(|named| floats(BEST, named)));
        for (name, words) in words {
            let bytes = words.iter().flat_map(|x| x.to_le_bytes());
            entries.push((name.clone(), Dtype::U32, vec![words.len()], bytes.collect()));
        }
        for (name, longs) in longs {
            let bytes = longs.iter().flat_map(|x| x.to_le_bytes());
            entries.push((name.clone(), Dtype::F64, vec![longs.len()], bytes.collect()));
        }
        let ledger = self.course.ledger.bytes().to_vec();
        entries.push((LEDGER.into(), Dtype::U8, vec![ledger.len()], ledger));
        entries
    }
}

/// The tensors of a file, sorted by what they hold: what a learner keeps, the best weights, and the
/// digests.
fn sorted(tensors: &SafeTensors<'_>) -> (Kept, Vec<Named>, Vec<u8>) {
    let (mut kept, mut best, mut ledger) = (Kept::default(), Vec::new(), Vec::new());
    for (name, tensor) in tensors.tensors() {
        let words = tensor.data().chunks_exact(4);
        let words = words.map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]));
        match tensor.dtype() {
            Dtype::F32 => {
                let (list, name) = match name.strip_prefix(BEST) {
                    Some(name) => (&mut best, name.to_owned()),
                    None => (&mut kept.floats, name),
                };
                list.push(Named {
                    name,
                    shape: tensor.shape().to_vec(),
                    numbers: words.map(f32::from_bits).collect(),
                });
            }
            Dtype::U32 => kept.words.push((name, words.collect())),
            Dtype::F64 => {
                let longs = tensor.data().chunks_exact(8);
                let longs = longs.map(|b| std::array::from_fn(|i| b[i]));
                kept.longs
                    .push((name, longs.map(f64::from_le_bytes).collect()));
            }
            _ => ledger = tensor.data().to_vec(),
        }
    }
    (kept, best, ledger)
}

/// Best weights in the order of [`Sizes::shapes`].
pub(super) fn ordered(best: Vec<Named>, sizes: &Sizes) -> Vec<Named> {
    let places: HashMap<String, usize> = sizes
        .shapes()
        .into_iter()
        .enumerate()
        .map(|(at, (name, _))| (name, at))
        .collect();
    let mut best = best;
    best.sort_by_key(|named| places.get(&named.name).copied());
    best
}

impl Checkpointed for State {
    fn next(&self) -> (u64, u64) {
        self.course.next
    }

    fn encode(&self, work: &str) -> Result<Vec<u8>, TrainerError> {
        let course = &self.course;
        let header = Header {
            work: work.to_owned(),
            epoch: course.next.0,
            step: course.next.1,
            examples: course.examples,
            loss_bits: course.loss.0.to_bits(),
            loss_examples: course.loss.1,
            class_bits: course.classes.map(f32::to_bits),
            watched: course.watched,
        };
        let header = serde_json::to_string(&header).map_err(TrainerError::bug)?;
        let entries = self.entries();
        let mut views = Vec::with_capacity(entries.len());
        for (name, kind, shape, bytes) in &entries {
            let view = TensorView::new(*kind, shape.clone(), bytes);
            views.push((name.as_str(), view.map_err(TrainerError::bug)?));
        }
        // One entry only: the writer's map has no order of its own.
        let metadata = HashMap::from([(STATE.to_owned(), header)]);
        serialize(views, Some(metadata)).map_err(TrainerError::bug)
    }

    fn decode(image: &[u8], work: &str) -> Result<Self, TrainerError> {
        let wrong = |reason: &str| TrainerError::data("checkpoint", reason);
        let header = metadata(image, STATE)?;
        let header: Header = serde_json::from_str(&header).map_err(|e| wrong(&e.to_string()))?;
        if header.work != work {
            return Err(wrong(OTHER_WORK));
        }
        let tensors = SafeTensors::deserialize(image).map_err(|e| wrong(&e.to_string()))?;
        let (kept, best, ledger) = sorted(&tensors);
        let ledger = Ledger::of_bytes(&ledger);
        Ok(Self {
            kept,
            course: Course {
                next: (header.epoch, header.step),
                examples: header.examples,
                loss: (f64::from_bits(header.loss_bits), header.loss_examples),
                classes: header.class_bits.map(f32::from_bits),
                watched: header.watched,
                best: (!best.is_empty()).then_some(best),
                ledger: ledger.ok_or_else(|| wrong("its ledger is not whole"))?,
            },
        })
    }
}
