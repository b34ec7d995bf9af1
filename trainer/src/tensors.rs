//! Matrices in safetensors files, with one entry of metadata.

use std::collections::HashMap;

use safetensors::tensor::{Dtype, TensorView};
use safetensors::{SafeTensors, serialize};

use crate::error::TrainerError;

/// A matrix f32 [rows, dim] on its way into a file.
pub(crate) struct Matrix {
    name: &'static str,
    shape: [usize; 2],
    bytes: Vec<u8>,
}

impl Matrix {
    /// Of rows of `dim` numbers.
    pub(crate) fn new<'v>(
        name: &'static str,
        dim: usize,
        rows: impl ExactSizeIterator<Item = &'v [f32]>,
    ) -> Self {
        let shape = [rows.len(), dim];
        let mut bytes = Vec::with_capacity(rows.len() * dim * 4);
        for row in rows {
            bytes.extend(row.iter().flat_map(|x| x.to_le_bytes()));
        }
        Self { name, shape, bytes }
    }

    /// Every `n` rows as one; the rows are a multiple of `n`.
    pub(crate) fn end_to_end(mut self, n: usize) -> Self {
        let [rows, dim] = self.shape;
        self.shape = [rows / n, dim * n];
        self
    }
}

/// A file of matrices.
///
/// # Errors
/// [`TrainerError::Bug`].
pub(crate) fn write(matrices: &[Matrix], key: &str, text: String) -> Result<Vec<u8>, TrainerError> {
    let mut views = Vec::with_capacity(matrices.len());
    for Matrix { name, shape, bytes } in matrices {
        let view = TensorView::new(Dtype::F32, shape.to_vec(), bytes);
        views.push((*name, view.map_err(TrainerError::bug)?));
    }
    // One entry only: the writer's map has no order of its own.
    let metadata = HashMap::from([(key.to_owned(), text)]);
    serialize(views, Some(metadata)).map_err(TrainerError::bug)
}

/// Length of a row, and all numbers row after row, of a matrix of a file; none where it has no
/// matrix of that name.
///
/// # Errors
/// [`TrainerError::Data`] where the bytes are no such file, or it is no matrix of floats.
pub(crate) fn read(image: &[u8], name: &str) -> Result<Option<(usize, Vec<f32>)>, TrainerError> {
    let wrong = |reason: String| TrainerError::data("weights", reason);
    let tensors = SafeTensors::deserialize(image).map_err(|e| wrong(e.to_string()))?;
    let Ok(tensor) = tensors.tensor(name) else {
        return Ok(None);
    };
    let ([_, dim], Dtype::F32) = (tensor.shape(), tensor.dtype()) else {
        return Err(wrong(format!("`{name}` is no matrix of floats")));
    };
    let floats = tensor.data().chunks_exact(4);
    let floats = floats.map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]));
    Ok(Some((*dim, floats.collect())))
}

/// As [`read`], of a matrix that must be there.
///
/// # Errors
/// As [`read`], and where it is not there.
pub(crate) fn must(image: &[u8], name: &str) -> Result<(usize, Vec<f32>), TrainerError> {
    let missing = || TrainerError::data("weights", format!("there is no matrix `{name}`"));
    read(image, name)?.ok_or_else(missing)
}

/// An entry of a file's metadata.
///
/// # Errors
/// [`TrainerError::Data`] where it is not there.
pub(crate) fn metadata(image: &[u8], key: &str) -> Result<String, TrainerError> {
    let wrong = |reason: String| TrainerError::data("weights", reason);
    let (_, metadata) = SafeTensors::read_metadata(image).map_err(|e| wrong(e.to_string()))?;
    let entries = metadata.metadata().as_ref();
    let text = entries.and_then(|m| m.get(key)).cloned();
    text.ok_or_else(|| wrong(format!("no metadata `{key}`")))
}
