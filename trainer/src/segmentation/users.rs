//! Users of an artifact: their names and vectors.

use std::collections::HashMap;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::Float32Type;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::als::Factors;
use crate::artifact::USERS;
use crate::error::TrainerError;
use crate::names::Names;
use crate::storage::Storage;

/// Users with vectors, in the artifact's order.
pub(super) struct Users {
    pub names: Names,
    /// f32 [users, dim].
    pub vectors: Factors,
    rows: HashMap<String, u32>,
}

impl Users {
    /// Those of an artifact's `users.parquet`.
    ///
    /// # Errors
    /// [`TrainerError::Storage`] where it cannot be read, [`TrainerError::Data`] where it is not as
    /// said.
    pub(super) fn read(storage: &Storage, artifact: &str) -> Result<Self, TrainerError> {
        let path = format!("{artifact}/{USERS}");
        let wrong = |e: &dyn std::fmt::Display| TrainerError::data("users", format!("{path}: {e}"));
        let reader = ParquetRecordBatchReaderBuilder::try_new(storage.get(&path)?)
            .and_then(ParquetRecordBatchReaderBuilder::build)
            .map_err(|e| wrong(&e))?;
        let (mut names, mut values, mut dim) = (Names::default(), Vec::new(), 0);
        for batch in reader {
            let batch = batch.map_err(|e| wrong(&e))?;
            dim = add(&batch, &mut names, &mut values)
                .ok_or_else(|| wrong(&"it has no columns user_id and vector"))?;
        }
        if names.len() == 0 {
            return Err(wrong(&"it has no users"));
        }
        let rows = 0..names.len() as u32;
        Ok(Self {
            vectors: Factors::from_rows(&values, dim),
            rows: rows
                .map(|row| (names.get(row as usize).to_owned(), row))
                .collect(),
            names,
        })
    }

    /// A user's place among them.
    pub(super) fn row(&self, name: &str) -> Option<usize> {
        self.rows.get(name).map(|row| *row as usize)
    }
}

/// Adds a batch; the length of its vectors.
fn add(batch: &RecordBatch, names: &mut Names, values: &mut Vec<f32>) -> Option<usize> {
    let users = batch.column_by_name("user_id")?.as_string_opt::<i32>()?;
    let vectors = batch.column_by_name("vector")?.as_fixed_size_list_opt()?;
    let numbers = vectors.values().as_primitive_opt::<Float32Type>()?;
    users.iter().flatten().for_each(|name| names.push(name));
    values.extend_from_slice(numbers.values());
    usize::try_from(vectors.value_length()).ok()
}
