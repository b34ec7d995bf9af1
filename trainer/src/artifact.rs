//! What artifacts have in common: files that are the same bytes for the same weights (no time, no map
//! without order). `manifest.json` is not among them: the scheduler writes it when it publishes.

use std::fmt::Write;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, FixedSizeListArray, Float32Array, RecordBatch, StringArray, UInt32Array, UInt64Array,
};
use arrow::datatypes::{DataType, Field};
use pannier_proto::ids::{BUILD_ID, FIRST_ITEM};
use pannier_proto::manifest::ArtifactFile;
use pannier_proto::spec::ModelSpec;
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;
use serde::{Deserialize, Serialize};

use crate::als::Factors;
use crate::error::TrainerError;
use crate::names::Names;
use crate::segments::{Points, map};
use crate::storage::Storage;
use crate::table_file::TableFile;
use crate::vocab::{Vocab, VocabItem};

/// Weights.
pub(crate) const WEIGHTS: &str = "model.safetensors";
/// [`ArtifactConfig`].
const CONFIG: &str = "config.json";
/// Vectors of users.
pub(crate) const USERS: &str = "users.parquet";
/// Users that are written at a time.
const USERS_ROWS: usize = 16_384;

/// `config.json` of an artifact.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ArtifactConfig {
    /// Which model, with its hyperparameters; the keys `model` and `params`.
    #[serde(flatten)]
    pub model: ModelSpec,
    /// Seed.
    pub seed: u64,
    /// Real items.
    pub items: u64,
    /// Digest of the vocab.
    pub vocab: String,
    /// Build that trained it.
    pub build: String,
}

impl ArtifactConfig {
    /// Of a model trained now.
    pub(crate) fn new(model: ModelSpec, seed: u64, vocab: &Vocab) -> Self {
        Self {
            model,
            seed,
            items: vocab.items.len() as u64,
            vocab: vocab.digest.clone(),
            build: BUILD_ID.into(),
        }
    }

    /// That of an artifact, where it was trained with this vocab.
    ///
    /// # Errors
    /// [`TrainerError::Storage`] where it cannot be read, [`TrainerError::Data`] where it is none
    /// that this trainer can use.
    pub(crate) fn read(
        storage: &Storage,
        artifact: &str,
        vocab: &Vocab,
    ) -> Result<Self, TrainerError> {
        let bytes = storage.get(&format!("{artifact}/{CONFIG}"))?;
        let wrong =
            |reason: String| TrainerError::data("artifact", format!("{artifact}: {reason}"));
        let config: Self = serde_json::from_slice(&bytes).map_err(|e| wrong(e.to_string()))?;
        if config.vocab != vocab.digest {
            let reason = "it was trained with another vocab; train it again";
            return Err(wrong(reason.into()));
        }
        Ok(config)
    }

    /// As text on one line, for the metadata of weights.
    ///
    /// # Errors
    /// [`TrainerError::Bug`].
    pub(crate) fn line(&self) -> Result<String, TrainerError> {
        serde_json::to_string(self).map_err(TrainerError::bug)
    }
}

/// An artifact's folder while it is written.
pub(crate) struct Artifact<'a> {
    pub storage: &'a Storage,
    pub folder: &'a str,
    pub files: Vec<ArtifactFile>,
}

impl<'a> Artifact<'a> {
    /// A folder without files.
    pub(crate) fn new(storage: &'a Storage, folder: &'a str) -> Self {
        Self {
            storage,
            folder,
            files: Vec::new(),
        }
    }

    /// Writes a file.
    ///
    /// # Errors
    /// [`TrainerError::Storage`].
    pub(crate) fn put(&mut self, name: &str, bytes: Vec<u8>) -> Result<(), TrainerError> {
        self.files.push(ArtifactFile {
            name: name.into(),
            bytes: bytes.len() as u64,
            digest: blake3::hash(&bytes).to_hex().to_string(),
        });
        self.storage.put(&self.path(name), bytes)
    }

    /// Writes a table as a Parquet file.
    ///
    /// # Errors
    /// [`TrainerError::Storage`].
    pub(crate) fn table(&mut self, name: &str, rows: &RecordBatch) -> Result<(), TrainerError> {
        self.put(name, parquet(rows)?)
    }

    /// Where a file lies.
    pub(crate) fn path(&self, name: &str) -> String {
        format!("{}/{name}", self.folder)
    }

    /// Writes what every model with vectors of items has: weights, configuration, vocab, vectors.
    /// `vector` is that of an item, counted from the first real one; `more` are further columns of
    /// `vectors.parquet`.
    ///
    /// # Errors
    /// [`TrainerError::Storage`].
    pub(crate) fn items<'v>(
        &mut self,
        config: &ArtifactConfig,
        weights: Vec<u8>,
        vocab: &'v Vocab,
        dim: usize,
        vector: impl Fn(usize) -> &'v [f32],
        more: Vec<(&'static str, ArrayRef, bool)>,
    ) -> Result<(), TrainerError> {
        let rows = vocab_batch(vocab)?;
        self.items_of(config, weights, (vocab, &rows), (dim, vector), more)
    }

    /// The same with a vocab that has more columns: `rows` is written as it is.
    ///
    /// # Errors
    /// [`TrainerError::Storage`].
    pub(crate) fn items_of<'v>(
        &mut self,
        config: &ArtifactConfig,
        weights: Vec<u8>,
        (vocab, rows): (&'v Vocab, &RecordBatch),
        (dim, vector): (usize, impl Fn(usize) -> &'v [f32]),
        more: Vec<(&'static str, ArrayRef, bool)>,
    ) -> Result<(), TrainerError> {
        let mut pretty = serde_json::to_vec_pretty(config).map_err(TrainerError::bug)?;
        pretty.push(b'\n');
        let vectors = || (0..vocab.items.len()).map(&vector);
        let ids = vocab.items.iter().map(|i| i.item_id.as_str());
        let mut columns = item_columns(vocab);
        columns.push(("vector", vector_column(dim, vectors())?, false));
        let places = places(dim, vectors())?;
        let places = places.iter().map(<[f32; 2]>::as_slice);
        columns.push(("map", vector_column(2, places)?, false));
        columns.extend(more);
        let batch = RecordBatch::try_from_iter_with_nullable(columns).map_err(TrainerError::bug)?;
        self.put(WEIGHTS, weights)?;
        self.put(CONFIG, pretty)?;
        self.put("vocab.parquet", parquet(rows)?)?;
        self.put("vectors.parquet", parquet(&batch)?)?;
        let text = word2vec_text(dim, ids.zip(vectors()));
        self.put("vectors.txt", text.into_bytes())
    }
}

impl Artifact<'_> {
    /// Writes `users.parquet`: user_id and vector, in the order in which users were read.
    ///
    /// # Errors
    /// [`TrainerError::Storage`].
    pub(crate) fn users<'v>(
        &mut self,
        names: &Names,
        dim: usize,
        vector: impl Fn(usize) -> &'v [f32],
    ) -> Result<(), TrainerError> {
        let batch = |from: usize| {
            let rows = from..(from + USERS_ROWS).min(names.len());
            let ids = StringArray::from_iter_values(rows.clone().map(|row| names.get(row)));
            let vectors = vector_column(dim, rows.map(&vector))?;
            let columns = [
                ("user_id", Arc::new(ids) as _, false),
                ("vector", vectors, false),
            ];
            RecordBatch::try_from_iter_with_nullable(columns).map_err(TrainerError::bug)
        };
        let first = batch(0)?;
        let mut file = TableFile::create(self.storage, self.path(USERS), first.schema())?;
        file.write(&first)?;
        for from in (USERS_ROWS..names.len()).step_by(USERS_ROWS) {
            file.write(&batch(from)?)?;
        }
        let written = file.close()?;
        self.files.push(ArtifactFile {
            name: USERS.into(),
            bytes: written.bytes,
            digest: written.digest,
        });
        Ok(())
    }
}

/// Vectors in word2vec's text form: a line with the number of items and of floats, then for each item
/// its id, in which `_` stands for white space, and its vector.
pub fn word2vec_text<'a>(
    dim: usize,
    items: impl ExactSizeIterator<Item = (&'a str, &'a [f32])>,
) -> String {
    let mut text = format!("{} {dim}\n", items.len());
    for (id, vector) in items {
        text.extend(id.chars().map(|c| if c.is_whitespace() { '_' } else { c }));
        for x in vector {
            // Writing to a string cannot fail.
            let _ = write!(text, " {x}");
        }
        text.push('\n');
    }
    text
}

/// Where vectors of length 1 lie along their two principal components.
fn places<'v>(
    dim: usize,
    vectors: impl Iterator<Item = &'v [f32]>,
) -> Result<Vec<[f32; 2]>, TrainerError> {
    let all: Vec<f32> = vectors.flatten().copied().collect();
    let points = Points::new(&Factors::from_rows(&all, dim), true)?;
    Ok(map(&points).places)
}

/// A column of vectors, `FixedSizeList<Float32>` of `dim`.
///
/// # Errors
/// [`TrainerError::Bug`] where they are not of that length.
pub(crate) fn vector_column<'v>(
    dim: usize,
    vectors: impl Iterator<Item = &'v [f32]>,
) -> Result<ArrayRef, TrainerError> {
    let floats = Float32Array::from_iter_values(vectors.flatten().copied());
    let field = Arc::new(Field::new("element", DataType::Float32, false));
    let width = i32::try_from(dim).map_err(TrainerError::bug)?;
    let vectors = FixedSizeListArray::try_new(field, width, Arc::new(floats), None);
    Ok(Arc::new(vectors.map_err(TrainerError::bug)?))
}

/// How Parquet files of artifacts and predictions are written.
pub(crate) fn properties() -> WriterProperties {
    WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .build()
}

fn vocab_batch(vocab: &Vocab) -> Result<RecordBatch, TrainerError> {
    let indices = UInt32Array::from_iter_values((FIRST_ITEM..).take(vocab.items.len()));
    let mut columns: Vec<(&str, ArrayRef, bool)> = vec![("item_idx", Arc::new(indices), false)];
    columns.extend(item_columns(vocab));
    RecordBatch::try_from_iter_with_nullable(columns).map_err(TrainerError::bug)
}

/// item_id, name, department and count of every real item.
fn item_columns(vocab: &Vocab) -> Vec<(&'static str, ArrayRef, bool)> {
    let of = |f: fn(&VocabItem) -> u64| UInt64Array::from_iter_values(vocab.items.iter().map(f));
    let ids = StringArray::from_iter_values(vocab.items.iter().map(|i| &i.item_id));
    let names = StringArray::from_iter(vocab.items.iter().map(|i| i.name.as_deref()));
    let departments = StringArray::from_iter(vocab.items.iter().map(|i| i.department.as_deref()));
    let counts = of(|i| i.count);
    vec![
        ("item_id", Arc::new(ids), false),
        ("name", Arc::new(names), true),
        ("department", Arc::new(departments), true),
        ("count", Arc::new(counts), false),
    ]
}

fn parquet(batch: &RecordBatch) -> Result<Vec<u8>, TrainerError> {
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), Some(properties()))
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
        let vectors = [
            [0.1f32, -2.0, 1e-9],
            [3.5, 0.0, 7.25],
            [1.0 / 3.0, 2.0, 9.0],
        ];
        let named = ["a b", "c", "d\u{a0}e"]
            .into_iter()
            .zip(vectors.iter().map(<[f32; 3]>::as_slice));
        let text = word2vec_text(3, named.collect::<Vec<_>>().into_iter());
        let mut lines = text.lines();
        assert_eq!(lines.next(), Some("3 3"));
        let ids: Vec<&str> = lines
            .zip(&vectors)
            .map(|(line, vector)| {
                let (id, floats) = line.split_once(' ').unwrap();
                assert!(
                    floats
                        .split(' ')
                        .map(|f| f.parse::<f32>().unwrap())
                        .eq(vector.iter().copied())
                );
                id
            })
            .collect();
        assert_eq!(ids, ["a_b", "c", "d_e"]);
    }
}
