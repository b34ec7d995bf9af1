//! A model as a safetensors image: weights by name, and in the metadata what it is, as JSON.

use std::collections::HashMap;

use safetensors::tensor::{Dtype, TensorView};
use safetensors::{SafeTensors, serialize};

use crate::error::Error;
use crate::model::Model;
use crate::sizes::{Named, Sizes};

/// The metadata's only entry: [`Sizes`] in JSON.
const SIZES: &str = "wide-and-deep";

/// Weights of [`Sizes::shapes`] as a file; the same bytes for the same weights.
///
/// # Errors
/// [`Error::Model`] where they do not fit.
pub fn write(sizes: &Sizes, weights: &[Named]) -> Result<Vec<u8>, Error> {
    sizes.fits(weights)?;
    let wrong = |e: &dyn std::fmt::Display| Error::Model(e.to_string());
    let bytes = |named: &Named| -> Vec<u8> {
        let numbers = named.numbers.iter();
        numbers.flat_map(|x| x.to_le_bytes()).collect()
    };
    let images: Vec<Vec<u8>> = weights.iter().map(bytes).collect();
    let mut views = Vec::with_capacity(weights.len());
    for (named, image) in weights.iter().zip(&images) {
        let view = TensorView::new(Dtype::F32, named.shape.clone(), image);
        views.push((named.name.as_str(), view.map_err(|e| wrong(&e))?));
    }
    let text = serde_json::to_string(sizes).map_err(|e| wrong(&e))?;
    // One entry only: the writer's map has no order of its own.
    let metadata = HashMap::from([(SIZES.to_owned(), text)]);
    serialize(views, Some(metadata)).map_err(|e| wrong(&e))
}

/// Sizes and weights of a file.
///
/// # Errors
/// [`Error::File`] where it is none, or lacks a weight.
pub fn read(image: &[u8]) -> Result<(Sizes, Vec<Named>), Error> {
    let wrong = |reason: String| Error::File(reason);
    let (_, metadata) = SafeTensors::read_metadata(image).map_err(|e| wrong(e.to_string()))?;
    let text = metadata.metadata().as_ref().and_then(|m| m.get(SIZES));
    let text = text.ok_or_else(|| wrong(format!("its metadata has no `{SIZES}`")))?;
    let sizes: Sizes = serde_json::from_str(text).map_err(|e| wrong(e.to_string()))?;
    sizes.check()?;
    let tensors = SafeTensors::deserialize(image).map_err(|e| wrong(e.to_string()))?;
    let shapes = sizes.shapes().into_iter();
    let weights = shapes.map(|(name, shape)| {
        let tensor = tensors.tensor(&name).map_err(|e| wrong(e.to_string()))?;
        if tensor.dtype() != Dtype::F32 || tensor.shape() != shape {
            return Err(wrong(format!("`{name}` is not of the shape {shape:?}")));
        }
        let numbers = tensor.data().chunks_exact(4);
        let numbers = numbers.map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]));
        Ok(Named {
            name,
            shape,
            numbers: numbers.collect(),
        })
    });
    let weights = weights.collect::<Result<Vec<_>, Error>>()?;
    Ok((sizes, weights))
}

impl Model {
    /// The model of a file.
    ///
    /// # Errors
    /// [`Error::File`] where it is none.
    pub fn read(image: &[u8]) -> Result<Self, Error> {
        let (sizes, weights) = read(image)?;
        Self::new(sizes, &weights)
    }
}
