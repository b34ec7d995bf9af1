//! Checkpoints: the whole state of a training, in one file that is whole or not there.
//!
//! A file is a safetensors image (tensors input and output, f32 [rows, dim], and ledger, u8
//! [steps, 32]; metadata `state` in JSON) and 32 bytes of blake3 over it. Files are named by global step; the two newest stay.

use std::collections::HashMap;

use pannier_feed::digest::Ledger;
use pannier_proto::work::WorkReportKind;
use safetensors::tensor::{Dtype, TensorView};
use safetensors::{SafeTensors, serialize};
use serde::{Deserialize, Serialize};

use crate::error::TrainerError;
use crate::prod2vec::model::Model;
use crate::report::Reporter;
use crate::sgns::LossSum;
use crate::storage::Storage;

const DIGEST_BYTES: usize = 32;
const SUFFIX: &str = ".ckpt";
const KEPT: usize = 2;
/// Name of the tensor with the digests.
const LEDGER: &str = "ledger";

/// What a training knows besides its inputs.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct State {
    pub model: Model,
    /// Epoch and step that come next.
    pub next: (u64, u64),
    /// Pairs trained on.
    pub pairs: u64,
    pub ledger: Ledger,
    /// Loss since the last point of its curve.
    pub loss: LossSum,
}

/// The part of a state that is no matrix.
#[derive(Serialize, Deserialize)]
struct Header {
    /// Digest of everything that decides the training.
    work: String,
    epoch: u64,
    step: u64,
    pairs: u64,
    /// Bits of the sum: decimal text need not give the same number back.
    loss_bits: u64,
    loss_pairs: u64,
}

/// A training's folder of checkpoints.
#[derive(Debug)]
pub(crate) struct Checkpoints {
    storage: Storage,
    folder: String,
    work: String,
    /// Names of those that stay, oldest first.
    kept: Vec<String>,
}

impl Checkpoints {
    /// `work` is a digest of everything that decides the training; checkpoints of other work are
    /// not taken up.
    pub(crate) fn new(storage: Storage, folder: String, work: String) -> Self {
        Self {
            storage,
            folder,
            work,
            kept: Vec::new(),
        }
    }

    /// The newest checkpoint that is whole and of this work. Says which ones it passed over.
    ///
    /// # Errors
    /// [`TrainerError::Storage`] where the folder cannot be listed.
    pub(crate) fn newest(&mut self, reporter: &Reporter) -> Result<Option<State>, TrainerError> {
        let names = self.storage.names(&self.folder)?;
        for name in names.into_iter().rev().filter(|n| n.ends_with(SUFFIX)) {
            let state = self
                .storage
                .get(&self.path(&name))
                .and_then(|bytes| decode(&bytes, &self.work));
            match state {
                Ok(state) => {
                    self.kept = vec![name];
                    return Ok(Some(state));
                }
                Err(error) => reporter.log(format!("checkpoint {name} is passed over: {error}")),
            }
        }
        Ok(None)
    }

    /// Commits a state, then removes all but the two newest. `global_step`: steps trained.
    ///
    /// # Errors
    /// [`TrainerError::Storage`] where it cannot be written.
    pub(crate) fn put(
        &mut self,
        state: &State,
        global_step: u64,
        reporter: &Reporter,
    ) -> Result<(), TrainerError> {
        let name = format!("step-{global_step:012}{SUFFIX}");
        self.storage
            .put(&self.path(&name), encode(state, &self.work)?)?;
        let (epoch, step) = state.next;
        reporter.send(WorkReportKind::Checkpointed { epoch, step });
        self.kept.retain(|kept| *kept != name);
        self.kept.push(name);
        self.kept.drain(..self.kept.len().saturating_sub(KEPT));
        for old in self.storage.names(&self.folder)? {
            // Also what was passed over: the folder is this training's own.
            if old.ends_with(SUFFIX) && !self.kept.contains(&old) {
                self.storage.delete(&self.path(&old))?;
            }
        }
        Ok(())
    }

    fn path(&self, name: &str) -> String {
        format!("{}/{name}", self.folder)
    }
}

/// A model as safetensors: `input` and `output`, f32 [rows, dim], further bytes under a name, and
/// one entry of metadata.
pub(crate) fn tensors(
    model: &Model,
    bytes: Option<(&str, &[u8])>,
    key: &str,
    text: String,
) -> Result<Vec<u8>, TrainerError> {
    let (input, output) = (model.input_bytes(), model.output_bytes());
    let view = |bytes| {
        TensorView::new(Dtype::F32, vec![model.rows(), model.dim()], bytes)
            .map_err(TrainerError::bug)
    };
    // One entry only: the writer's map has no order of its own.
    let metadata = HashMap::from([(key.to_owned(), text)]);
    let mut all = vec![("input", view(&input)?), ("output", view(&output)?)];
    if let Some((name, bytes)) = bytes {
        let flat = TensorView::new(Dtype::U8, vec![bytes.len()], bytes);
        all.push((name, flat.map_err(TrainerError::bug)?));
    }
    serialize(all, Some(metadata)).map_err(TrainerError::bug)
}

/// The model of a safetensors image, and the text of one entry of its metadata.
///
/// # Errors
/// [`TrainerError::Data`] where the bytes are no such image.
pub(crate) fn model_of(bytes: &[u8], key: &str) -> Result<(Model, String), TrainerError> {
    let wrong = |reason: String| TrainerError::data("weights", reason);
    let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(|e| wrong(e.to_string()))?;
    let text = metadata
        .metadata()
        .as_ref()
        .and_then(|m| m.get(key))
        .cloned();
    let text = text.ok_or_else(|| wrong(format!("no metadata `{key}`")))?;
    let tensors = SafeTensors::deserialize(bytes).map_err(|e| wrong(e.to_string()))?;
    let tensor = |name| tensors.tensor(name).map_err(|e| wrong(e.to_string()));
    let (input, output) = (tensor("input")?, tensor("output")?);
    let [rows, dim] = input.shape() else {
        return Err(wrong("`input` is no matrix".into()));
    };
    if input.shape() != output.shape()
        || input.dtype() != Dtype::F32
        || output.dtype() != Dtype::F32
    {
        return Err(wrong(
            "`input` and `output` are not float matrices of one shape".into(),
        ));
    }
    Ok((
        Model::from_bytes(*rows, *dim, input.data(), output.data())?,
        text,
    ))
}

fn encode(state: &State, work: &str) -> Result<Vec<u8>, TrainerError> {
    let header = Header {
        work: work.to_owned(),
        epoch: state.next.0,
        step: state.next.1,
        pairs: state.pairs,
        loss_bits: state.loss.sum.to_bits(),
        loss_pairs: state.loss.pairs,
    };
    let header = serde_json::to_string(&header).map_err(TrainerError::bug)?;
    let ledger = Some((LEDGER, state.ledger.bytes()));
    let mut bytes = tensors(&state.model, ledger, "state", header)?;
    let digest = blake3::hash(&bytes);
    bytes.extend_from_slice(digest.as_bytes());
    Ok(bytes)
}

fn decode(bytes: &[u8], work: &str) -> Result<State, TrainerError> {
    let wrong = |reason: &str| TrainerError::data("checkpoint", reason);
    let end = bytes
        .len()
        .checked_sub(DIGEST_BYTES)
        .ok_or_else(|| wrong("it is too short"))?;
    let (image, digest) = bytes.split_at(end);
    if blake3::hash(image).as_bytes() != digest {
        return Err(wrong("its checksum does not fit its bytes"));
    }
    let (model, header) = model_of(image, "state")?;
    let header: Header = serde_json::from_str(&header).map_err(|e| wrong(&e.to_string()))?;
    if header.work != work {
        return Err(wrong(
            "it belongs to other params, seed, feed, vocab or build",
        ));
    }
    Ok(State {
        model,
        next: (header.epoch, header.step),
        pairs: header.pairs,
        ledger: ledger_of(image)?,
        loss: LossSum {
            sum: f64::from_bits(header.loss_bits),
            pairs: header.loss_pairs,
        },
    })
}

fn ledger_of(image: &[u8]) -> Result<Ledger, TrainerError> {
    let wrong = |reason: String| TrainerError::data("checkpoint", reason);
    let tensors = SafeTensors::deserialize(image).map_err(|e| wrong(e.to_string()))?;
    let ledger = tensors.tensor(LEDGER).map_err(|e| wrong(e.to_string()))?;
    Ledger::of_bytes(ledger.data()).ok_or_else(|| wrong("its ledger is not whole".into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(step: u64) -> State {
        let loss = LossSum {
            sum: 0.1 + 0.2,
            pairs: 3,
        };
        State {
            model: Model::new(6, 9, step),
            next: (1, step),
            pairs: 77,
            ledger: Ledger::of_bytes(&[step as u8; 64]).unwrap(),
            loss,
        }
    }

    fn folder() -> (
        tempfile::TempDir,
        tokio::runtime::Runtime,
        Reporter,
        tokio::sync::mpsc::UnboundedReceiver<pannier_proto::work::WorkReport>,
    ) {
        let (sender, reports) = tokio::sync::mpsc::unbounded_channel();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .build()
            .unwrap();
        (
            tempfile::tempdir().unwrap(),
            runtime,
            Reporter::new("a".into(), sender),
            reports,
        )
    }

    #[test]
    fn the_newest_whole_one_of_the_same_work_is_taken() {
        let (folder, runtime, reporter, mut reports) = folder();
        let storage =
            Storage::open(folder.path().to_str().unwrap(), runtime.handle().clone()).unwrap();
        let mut checkpoints = Checkpoints::new(storage.clone(), "c".into(), "w".into());
        assert_eq!(checkpoints.newest(&reporter).unwrap(), None);
        for step in 1..=4 {
            checkpoints.put(&state(step), step, &reporter).unwrap();
        }
        let names = storage.names("c").unwrap();
        assert_eq!(names, ["step-000000000003.ckpt", "step-000000000004.ckpt"]);
        let fresh = || Checkpoints::new(storage.clone(), "c".into(), "w".into());
        assert_eq!(fresh().newest(&reporter).unwrap(), Some(state(4)));

        let mut torn = storage.get("c/step-000000000004.ckpt").unwrap().to_vec();
        let middle = torn.len() / 2;
        torn[middle] ^= 1;
        storage.put("c/step-000000000004.ckpt", torn).unwrap();
        storage
            .put("c/step-000000000005.ckpt", vec![1, 2, 3])
            .unwrap();
        while reports.try_recv().is_ok() {}
        let mut resumed = fresh();
        assert_eq!(resumed.newest(&reporter).unwrap(), Some(state(3)));
        let logs: Vec<String> = std::iter::from_fn(|| reports.try_recv().ok())
            .map(|r| format!("{:?}", r.kind))
            .collect();
        assert!(
            logs.len() == 2 && logs[0].contains("too short") && logs[1].contains("checksum"),
            "{logs:?}"
        );

        resumed.put(&state(4), 4, &reporter).unwrap();
        assert_eq!(storage.names("c").unwrap(), names);
        assert_eq!(
            Checkpoints::new(storage, "c".into(), "other".into())
                .newest(&reporter)
                .unwrap(),
            None
        );
    }
}
