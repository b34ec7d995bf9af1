//! The artifact of prod2vec: files that are the same bytes for the same weights (no time, no map
//! without order). `manifest.json` is not among them: the scheduler writes it when it publishes.

use std::fmt::Write;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, FixedSizeListArray, Float32Array, RecordBatch, StringArray, UInt32Array, UInt64Array,
};
use arrow::datatypes::{DataType, Field};
use pannier_proto::ids::{BUILD_ID, FIRST_ITEM};
use pannier_proto::manifest::ArtifactFile;
use pannier_proto::spec::Prod2vecParams;
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;
use serde::{Deserialize, Serialize};

use crate::error::TrainerError;
use crate::prod2vec::checkpoint::tensors;
use crate::prod2vec::model::Model;
use crate::storage::Storage;
use crate::vocab::{Vocab, VocabItem};

/// Weights: tensors `input` and `output`, f32 [items + 2, dim].
pub(crate) const WEIGHTS: &str = "model.safetensors";
/// [`ArtifactConfig`].
pub(crate) const CONFIG: &str = "config.json";

/// `config.json` of an artifact.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ArtifactConfig {
    /// `prod2vec`.
    pub model: String,
    /// Hyperparameters.
    pub params: Prod2vecParams,
    /// Seed.
    pub seed: u64,
    /// Real items.
    pub items: u64,
    /// Digest of the vocab.
    pub vocab: String,
    /// Build that trained it.
    pub build: String,
}

/// Writes all files of the artifact into a folder.
///
/// # Errors
/// [`TrainerError::Storage`] where writing fails.
pub(crate) fn write(
    storage: &Storage,
    folder: &str,
    model: &Model,
    vocab: &Vocab,
    params: &Prod2vecParams,
    seed: u64,
) -> Result<Vec<ArtifactFile>, TrainerError> {
    let config = ArtifactConfig {
        model: "prod2vec".into(),
        params: params.clone(),
        seed,
        items: vocab.items.len() as u64,
        vocab: vocab.digest.clone(),
        build: BUILD_ID.into(),
    };
    let summary = serde_json::to_string(&config).map_err(TrainerError::bug)?;
    let mut pretty = serde_json::to_vec_pretty(&config).map_err(TrainerError::bug)?;
    pretty.push(b'\n');
    let files = [
        (WEIGHTS, tensors(model, None, "pannier", summary)?),
        (CONFIG, pretty),
        ("vocab.parquet", parquet(&vocab_batch(vocab)?)?),
        ("vectors.parquet", parquet(&vectors_batch(model, vocab)?)?),
        (
            "vectors.txt",
            word2vec_text(model, vocab.items.iter().map(|i| i.item_id.as_str())).into_bytes(),
        ),
    ];
    let mut written = Vec::with_capacity(files.len());
    for (name, bytes) in files {
        let digest = blake3::hash(&bytes).to_hex().to_string();
        written.push(ArtifactFile {
            name: name.into(),
            bytes: bytes.len() as u64,
            digest,
        });
        storage.put(&format!("{folder}/{name}"), bytes)?;
    }
    Ok(written)
}

/// U in word2vec's text form: a line with the number of items and of floats, then for each item
/// its id, in which `_` stands for white space, and its vector. `ids`: from the first real item on.
pub fn word2vec_text<'a>(model: &Model, ids: impl Iterator<Item = &'a str>) -> String {
    let items = model.rows().saturating_sub(FIRST_ITEM as usize);
    let mut text = format!("{items} {}\n", model.dim());
    for (row, id) in (FIRST_ITEM as usize..model.rows()).zip(ids) {
        text.extend(id.chars().map(|c| if c.is_whitespace() { '_' } else { c }));
        for x in model.vector(row) {
            // Writing to a string cannot fail.
            let _ = write!(text, " {x}");
        }
        text.push('\n');
    }
    text
}

fn vocab_batch(vocab: &Vocab) -> Result<RecordBatch, TrainerError> {
    let indices = UInt32Array::from_iter_values((FIRST_ITEM..).take(vocab.items.len()));
    let mut columns: Vec<(&str, ArrayRef, bool)> = vec![("item_idx", Arc::new(indices), false)];
    columns.extend(item_columns(vocab));
    RecordBatch::try_from_iter_with_nullable(columns).map_err(TrainerError::bug)
}

fn vectors_batch(model: &Model, vocab: &Vocab) -> Result<RecordBatch, TrainerError> {
    let floats = Float32Array::from_iter_values(
        (FIRST_ITEM as usize..model.rows()).flat_map(|row| model.vector(row)),
    );
    let field = Arc::new(Field::new("element", DataType::Float32, false));
    let width = i32::try_from(model.dim()).map_err(TrainerError::bug)?;
    let vectors = FixedSizeListArray::try_new(field, width, Arc::new(floats), None)
        .map_err(TrainerError::bug)?;
    let mut columns = item_columns(vocab);
    columns.push(("vector", Arc::new(vectors), false));
    RecordBatch::try_from_iter_with_nullable(columns).map_err(TrainerError::bug)
}

/// item_id, name and count of every real item.
fn item_columns(vocab: &Vocab) -> Vec<(&'static str, ArrayRef, bool)> {
    let of = |f: fn(&VocabItem) -> u64| UInt64Array::from_iter_values(vocab.items.iter().map(f));
    let ids = StringArray::from_iter_values(vocab.items.iter().map(|i| &i.item_id));
    let names = StringArray::from_iter(vocab.items.iter().map(|i| i.name.as_deref()));
    let counts = of(|i| i.count);
    vec![
        ("item_id", Arc::new(ids), false),
        ("name", Arc::new(names), true),
        ("count", Arc::new(counts), false),
    ]
}

fn parquet(batch: &RecordBatch) -> Result<Vec<u8>, TrainerError> {
    let properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .build();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), Some(properties))
        .map_err(TrainerError::bug)?;
    writer.write(batch).map_err(TrainerError::bug)?;
    writer.close().map_err(TrainerError::bug)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_form_gives_the_vectors_back() {
        let model = Model::new(5, 7, 11);
        let text = word2vec_text(&model, ["a b", "c", "d\u{a0}e"].into_iter());
        let mut lines = text.lines();
        assert_eq!(lines.next(), Some("3 7"));
        let ids: Vec<&str> = lines
            .zip(2..)
            .map(|(line, row)| {
                let (id, floats) = line.split_once(' ').unwrap();
                assert!(
                    floats
                        .split(' ')
                        .map(|f| f.parse::<f32>().unwrap())
                        .eq(model.vector(row))
                );
                id
            })
            .collect();
        assert_eq!(ids, ["a_b", "c", "d_e"]);
    }
}
