//! The state of a training as a safetensors image: all weights, what Adam keeps of each (`mean.…`,
//! `square.…`), the best epoch's weights (`best.…`), and as bytes the rows' last steps and the
//! digests of batches; metadata `state` in JSON.

use std::collections::HashMap;

use pannier_feed::digest::Ledger;
use safetensors::tensor::{Dtype, TensorView};
use safetensors::{SafeTensors, serialize};
use serde::{Deserialize, Serialize};

use super::learner::Kept;
use super::schedule::Watched;
use super::sizes::{Named, Sizes};
use crate::checkpoint::{Checkpointed, OTHER_WORK};
use crate::error::TrainerError;
use crate::neural::kernels::adam::Moments;
use crate::tensors::metadata;

const LEDGER: &str = "ledger";
const LEARNED: &str = "learned";
const STATE: &str = "state";

/// A training between two steps.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct State {
    pub sizes: Sizes,
    /// As [`Sizes::shapes`] has them.
    pub weights: Vec<Named>,
    pub kept: Kept,
    pub course: Course,
}

/// What a training knows besides its model.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Course {
    /// Epoch and step that come next.
    pub next: (u64, u64),
    /// Baskets learned from.
    pub examples: u64,
    /// Loss times baskets since the last point of its curve, and those baskets.
    pub loss: (f64, u64),
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
    /// Items, and numbers of the model's parts.
    sizes: [usize; 7],
    epoch: u64,
    step: u64,
    updates: u64,
    examples: u64,
    /// Bits of the sum: decimal text need not give the same number back.
    loss_bits: u64,
    loss_examples: u64,
    watched: Watched,
    has_best: bool,
}

fn bytes(numbers: &[f32]) -> Vec<u8> {
    numbers.iter().flat_map(|x| x.to_le_bytes()).collect()
}

/// A tensor on its way into a file.
type Entry = (String, Dtype, Vec<usize>, Vec<u8>);

fn entry(prefix: &str, named: &Named) -> Entry {
    let name = format!("{prefix}{}", named.name);
    (name, Dtype::F32, named.shape.clone(), bytes(&named.numbers))
}

fn file(entries: &[Entry], key: &str, text: String) -> Result<Vec<u8>, TrainerError> {
    let mut views = Vec::with_capacity(entries.len());
    for (name, kind, shape, bytes) in entries {
        let view = TensorView::new(*kind, shape.clone(), bytes).map_err(TrainerError::bug)?;
        views.push((name.as_str(), view));
    }
    // One entry only: the writer's map has no order of its own.
    let metadata = HashMap::from([(key.to_owned(), text)]);
    serialize(views, Some(metadata)).map_err(TrainerError::bug)
}

/// Weights as a file with one entry of metadata.
///
/// # Errors
/// [`TrainerError::Bug`].
pub(crate) fn write(weights: &[Named], key: &str, text: String) -> Result<Vec<u8>, TrainerError> {
    let entries: Vec<Entry> = weights.iter().map(|named| entry("", named)).collect();
    file(&entries, key, text)
}

/// Weights of a file, those whose names begin with `prefix`.
///
/// # Errors
/// [`TrainerError::Data`] where the bytes are no file, or lack one of the weights in its shape.
pub(crate) fn read(image: &[u8], prefix: &str, sizes: &Sizes) -> Result<Vec<Named>, TrainerError> {
    let wrong = |reason: String| TrainerError::data("weights", reason);
    let tensors = SafeTensors::deserialize(image).map_err(|e| wrong(e.to_string()))?;
    let shapes = sizes.shapes().into_iter();
    let weights = shapes.map(|(name, shape)| {
        let tensor = tensors.tensor(&format!("{prefix}{name}"));
        let tensor = tensor.map_err(|e| wrong(e.to_string()))?;
        if tensor.dtype() != Dtype::F32 || tensor.shape() != shape {
            return Err(wrong(format!(
                "`{prefix}{name}` is not of the shape {shape:?}"
            )));
        }
        let numbers = tensor.data().chunks_exact(4);
        let numbers = numbers.map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]));
        Ok(Named {
            name: name.into(),
            shape,
            numbers: numbers.collect(),
        })
    });
    weights.collect()
}

impl State {
    fn entries(&self) -> Vec<Entry> {
        let moments = std::iter::once(&self.kept.items).chain(&self.kept.moments);
        let mut entries: Vec<Entry> = self.weights.iter().map(|named| entry("", named)).collect();
        for (named, moments) in self.weights.iter().zip(moments) {
            for (prefix, numbers) in [("mean.", &moments.means), ("square.", &moments.squares)] {
                let (name, shape) = (format!("{prefix}{}", named.name), named.shape.clone());
                entries.push((name, Dtype::F32, shape, bytes(numbers)));
            }
        }
        let best = self.course.best.iter().flatten();
        entries.extend(best.map(|named| entry("best.", named)));
        let learned = self.kept.learned.iter().flat_map(|step| step.to_le_bytes());
        let ledger = self.course.ledger.bytes().to_vec();
        for (name, bytes) in [(LEARNED, learned.collect()), (LEDGER, ledger)] {
            entries.push((name.to_owned(), Dtype::U8, vec![bytes.len()], bytes));
        }
        entries
    }
}

impl Checkpointed for State {
    fn next(&self) -> (u64, u64) {
        self.course.next
    }

    fn encode(&self, work: &str) -> Result<Vec<u8>, TrainerError> {
        let (course, sizes) = (&self.course, &self.sizes);
        let header = Header {
            work: work.to_owned(),
            sizes: [
                sizes.items,
                sizes.embedding,
                sizes.hidden,
                sizes.attention,
                sizes.repeat,
                sizes.layers,
                usize::from(sizes.near),
            ],
            epoch: course.next.0,
            step: course.next.1,
            updates: self.kept.steps,
            examples: course.examples,
            loss_bits: course.loss.0.to_bits(),
            loss_examples: course.loss.1,
            watched: course.watched,
            has_best: course.best.is_some(),
        };
        let header = serde_json::to_string(&header).map_err(TrainerError::bug)?;
        file(&self.entries(), STATE, header)
    }

    fn decode(image: &[u8], work: &str) -> Result<Self, TrainerError> {
        let wrong = |reason: &str| TrainerError::data("checkpoint", reason);
        let header = metadata(image, STATE)?;
        let header: Header = serde_json::from_str(&header).map_err(|e| wrong(&e.to_string()))?;
        if header.work != work {
            return Err(wrong(OTHER_WORK));
        }
        let [items, embedding, hidden, attention, repeat, layers, near] = header.sizes;
        let sizes = Sizes {
            items,
            embedding,
            hidden,
            attention,
            repeat,
            layers,
            near: near > 0,
        };
        let of = |prefix: &str| read(image, prefix, &sizes);
        let best = header.has_best.then(|| of("best.")).transpose()?;
        let (means, squares) = (of("mean.")?, of("square.")?);
        let moments = means
            .into_iter()
            .zip(squares)
            .map(|(means, squares)| Moments {
                means: means.numbers,
                squares: squares.numbers,
            });
        let mut moments: Vec<Moments> = moments.collect();
        let of_items = moments.remove(0);
        let tensors = SafeTensors::deserialize(image).map_err(|e| wrong(&e.to_string()))?;
        let raw = |name| tensors.tensor(name).map_err(|e| wrong(&e.to_string()));
        let learned = raw(LEARNED)?.data().chunks_exact(4);
        let learned: Vec<u32> = learned
            .map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]))
            .collect();
        let ledger = Ledger::of_bytes(raw(LEDGER)?.data());
        if learned.len() != items {
            return Err(wrong("its rows are not those of the items"));
        }
        Ok(Self {
            weights: of("")?,
            sizes,
            kept: Kept {
                moments,
                items: of_items,
                learned,
                steps: header.updates,
            },
            course: Course {
                next: (header.epoch, header.step),
                examples: header.examples,
                loss: (f64::from_bits(header.loss_bits), header.loss_examples),
                watched: header.watched,
                best,
                ledger: ledger.ok_or_else(|| wrong("its ledger is not whole"))?,
            },
        })
    }
}
