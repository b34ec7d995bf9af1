//! The state of a prod2vec training as a safetensors image: tensors input and output,
//! f32 [rows, dim], ledger, u8 [steps, 32], and with Adagrad squares, u8 [2 · rows · 4]; metadata `state` in JSON.

use std::collections::HashMap;

use pannier_feed::digest::Ledger;
use safetensors::tensor::{Dtype, TensorView};
use safetensors::{SafeTensors, serialize};
use serde::{Deserialize, Serialize};

use crate::checkpoint::{Checkpointed, OTHER_WORK};
use crate::error::TrainerError;
use crate::prod2vec::model::Model;
use crate::sgns::{LossSum, Squares};

/// Name of the tensor with the digests.
const LEDGER: &str = "ledger";
/// Name of the tensor with Adagrad's sums, f32, of U's rows and then of V's.
const SQUARES: &str = "squares";

/// What a training knows besides its inputs.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct State {
    pub model: Model,
    /// What Adagrad keeps.
    pub squares: Option<Squares>,
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

/// A model as safetensors: `input` and `output`, f32 [rows, dim], further bytes under a name, and
/// one entry of metadata.
pub(crate) fn tensors(
    model: &Model,
    more: &[(&str, &[u8])],
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
    for (name, bytes) in more {
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

impl Checkpointed for State {
    fn next(&self) -> (u64, u64) {
        self.next
    }

    fn encode(&self, work: &str) -> Result<Vec<u8>, TrainerError> {
        let header = Header {
            work: work.to_owned(),
            epoch: self.next.0,
            step: self.next.1,
            pairs: self.pairs,
            loss_bits: self.loss.sum.to_bits(),
            loss_pairs: self.loss.pairs,
        };
        let header = serde_json::to_string(&header).map_err(TrainerError::bug)?;
        let squares = self.squares.as_ref().map(square_bytes);
        let squares = squares.as_deref().map(|bytes| (SQUARES, bytes));
        let more: Vec<(&str, &[u8])> = std::iter::once((LEDGER, self.ledger.bytes()))
            .chain(squares)
            .collect();
        tensors(&self.model, &more, "state", header)
    }

    fn decode(image: &[u8], work: &str) -> Result<Self, TrainerError> {
        let wrong = |reason: &str| TrainerError::data("checkpoint", reason);
        let (model, header) = model_of(image, "state")?;
        let header: Header = serde_json::from_str(&header).map_err(|e| wrong(&e.to_string()))?;
        if header.work != work {
            return Err(wrong(OTHER_WORK));
        }
        Ok(Self {
            squares: squares_of(image, model.rows())?,
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
}

fn square_bytes(squares: &Squares) -> Vec<u8> {
    let (input, output) = squares.sums();
    let sums = input.iter().chain(&output);
    sums.flat_map(|sum| sum.to_le_bytes()).collect()
}

/// Adagrad's sums, where the training has any.
fn squares_of(image: &[u8], rows: usize) -> Result<Option<Squares>, TrainerError> {
    let wrong = |reason: String| TrainerError::data("checkpoint", reason);
    let tensors = SafeTensors::deserialize(image).map_err(|e| wrong(e.to_string()))?;
    let Ok(tensor) = tensors.tensor(SQUARES) else {
        return Ok(None);
    };
    let sums = tensor.data().chunks_exact(4);
    let sums: Vec<f32> = sums
        .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
        .collect();
    if sums.len() != 2 * rows {
        return Err(wrong(format!("{} sums for {rows} rows", sums.len())));
    }
    let (input, output) = sums.split_at(rows);
    Ok(Some(Squares::of(input, output)))
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
    use crate::checkpoint::Checkpoints;
    use crate::report::Reporter;
    use crate::storage::Storage;

    fn state(step: u64) -> State {
        let loss = LossSum {
            sum: 0.1 + 0.2,
            pairs: 3,
        };
        State {
            model: Model::new(6, 9, step),
            squares: step
                .is_multiple_of(2)
                .then(|| Squares::of(&[0.5; 6], &[step as f32; 6])),
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
        let mut checkpoints = Checkpoints::<State>::new(storage.clone(), "c".into(), "w".into());
        assert_eq!(checkpoints.newest(&reporter).unwrap(), None);
        for step in 1..=4 {
            checkpoints.put(&state(step), step, &reporter).unwrap();
        }
        let names = storage.names("c").unwrap();
        assert_eq!(names, ["step-000000000003.ckpt", "step-000000000004.ckpt"]);
        let fresh = || Checkpoints::<State>::new(storage.clone(), "c".into(), "w".into());
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
            Checkpoints::<State>::new(storage, "c".into(), "other".into())
                .newest(&reporter)
                .unwrap(),
            None
        );
    }
}
