//! The artifact of ALS: what every model with vectors of items has, and `users.parquet`, the vectors of
//! users in the order in which they were read.

use std::sync::Arc;

use arrow::array::{RecordBatch, StringArray};
use pannier_proto::manifest::ArtifactFile;

use super::checkpoint::{factors, image};
use super::factors::Factors;
use super::read::Names;
use crate::artifact::{Artifact, ArtifactConfig, WEIGHTS, vector_column};
use crate::error::TrainerError;
use crate::storage::Storage;
use crate::table_file::TableFile;
use crate::vocab::Vocab;

/// Users that are written at a time.
const ROWS: usize = 16_384;
const USERS: &str = "users.parquet";
/// Name of the tensor, f32 [items, factors], of real items alone.
const ITEMS: &str = "items";

/// What was learned.
pub(crate) struct Learned<'a> {
    pub names: &'a Names,
    /// A row for each name.
    pub users: &'a Factors,
    /// A row for each real item.
    pub items: &'a Factors,
}

/// Writes all files of the artifact into a folder.
///
/// # Errors
/// [`TrainerError::Storage`] where writing fails.
pub(crate) fn write(
    storage: &Storage,
    folder: &str,
    learned: &Learned<'_>,
    vocab: &Vocab,
    config: &ArtifactConfig,
) -> Result<Vec<ArtifactFile>, TrainerError> {
    let mut artifact = Artifact {
        storage,
        folder,
        files: Vec::new(),
    };
    let items = learned.items;
    let weights = image(&[(ITEMS, items)], "pannier", config.line()?)?;
    artifact.items(config, weights, vocab, items.dim(), |item| items.row(item))?;
    let users = write_users(storage, &artifact.path(USERS), learned)?;
    artifact.files.push(users);
    Ok(artifact.files)
}

fn write_users(
    storage: &Storage,
    path: &str,
    learned: &Learned<'_>,
) -> Result<ArtifactFile, TrainerError> {
    let (names, users) = (learned.names, learned.users);
    let batch = |from: usize| {
        let rows = from..(from + ROWS).min(names.len());
        let ids = StringArray::from_iter_values(rows.clone().map(|row| names.get(row)));
        let vectors = vector_column(users.dim(), rows.map(|row| users.row(row)))?;
        let columns = [
            ("user_id", Arc::new(ids) as _, false),
            ("vector", vectors, false),
        ];
        RecordBatch::try_from_iter_with_nullable(columns).map_err(TrainerError::bug)
    };
    let first = batch(0)?;
    let mut file = TableFile::create(storage, path.to_owned(), first.schema())?;
    file.write(&first)?;
    for from in (ROWS..names.len()).step_by(ROWS) {
        file.write(&batch(from)?)?;
    }
    let written = file.close()?;
    Ok(ArtifactFile {
        name: USERS.into(),
        bytes: written.bytes,
        digest: written.digest,
    })
}

/// The items' factors of an artifact.
///
/// # Errors
/// [`TrainerError::Storage`] where it cannot be read; [`TrainerError::Data`] where it is none.
pub(crate) fn load(storage: &Storage, artifact: &str) -> Result<Factors, TrainerError> {
    factors(&storage.get(&format!("{artifact}/{WEIGHTS}"))?, ITEMS)
}
