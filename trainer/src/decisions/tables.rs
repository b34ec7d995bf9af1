//! The tables beside decisions, read whole: items with category and price, and users with the context that
//! holds for them when nothing else is told.

use arrow::array::{ArrayRef, RecordBatch, UInt32Array};
use arrow::compute::{cast, concat_batches, take_record_batch};
use arrow::datatypes::DataType;
use pannier_proto::ids::FIRST_ITEM;
use pannier_proto::manifest::TableManifest;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::batch::{indices, numbers};
use crate::error::TrainerError;
use crate::storage::Storage;

/// A table's rows in the order of their dense index, which begins with the first after PAD and UNK.
pub(crate) struct Dense {
    /// All columns.
    pub rows: RecordBatch,
    /// Content digest of the table version.
    pub digest: String,
}

impl Dense {
    /// Reads all files that a table manifest names. `index`: the column that numbers them.
    ///
    /// # Errors
    /// [`TrainerError::Storage`] where reading fails; [`TrainerError::Data`] where the table has no rows,
    /// or its index gaps.
    pub(crate) fn read(
        storage: &Storage,
        manifest: &str,
        index: &'static str,
    ) -> Result<Self, TrainerError> {
        let wrong = |reason: String| TrainerError::data("table of decisions", reason);
        let path = manifest;
        let manifest: TableManifest = serde_json::from_slice(&storage.get(path)?)
            .map_err(|e| wrong(format!("{path} is no table manifest: {e}")))?;
        let mut batches = Vec::new();
        for file in &manifest.files {
            let unreadable = |e: &dyn std::fmt::Display| {
                wrong(format!("{} is no readable Parquet file: {e}", file.path))
            };
            let reader = ParquetRecordBatchReaderBuilder::try_new(storage.get(&file.path)?)
                .and_then(ParquetRecordBatchReaderBuilder::build)
                .map_err(|e| unreadable(&e))?;
            for batch in reader {
                batches.push(batch.map_err(|e| unreadable(&e))?);
            }
        }
        let first = batches.first().filter(|_| manifest.rows > 0);
        let first = first.ok_or_else(|| wrong(format!("{path} has no rows")))?;
        let all = concat_batches(&first.schema(), &batches).map_err(TrainerError::bug)?;
        let places = indices(&all, index)?;
        let mut at = vec![None; places.len()];
        for (row, place) in (0u32..).zip(&places) {
            let slot = place.checked_sub(FIRST_ITEM);
            let slot = slot.and_then(|slot| at.get_mut(slot as usize));
            match slot {
                Some(slot @ None) => *slot = Some(row),
                _ => {
                    let reason =
                        format!("{index} {place} is there twice, or not dense from {FIRST_ITEM}");
                    return Err(wrong(reason));
                }
            }
        }
        let order = UInt32Array::from(at);
        Ok(Self {
            rows: take_record_batch(&all, &order).map_err(TrainerError::bug)?,
            digest: manifest.digest,
        })
    }

    /// Rows of a matrix with a row for every index, PAD and UNK among them.
    pub(crate) fn indices(&self) -> usize {
        self.rows.num_rows() + FIRST_ITEM as usize
    }

    /// Numbers of a column, in order of the index.
    ///
    /// # Errors
    /// [`TrainerError::Data`] where it is not there.
    pub(crate) fn numbers(&self, name: &str) -> Result<Vec<f32>, TrainerError> {
        numbers(&self.rows, name)
    }

    /// Indices of a column, in order of the table's own.
    ///
    /// # Errors
    /// [`TrainerError::Data`] where it is not there.
    pub(crate) fn column(&self, name: &str) -> Result<Vec<u32>, TrainerError> {
        indices(&self.rows, name)
    }

    /// What an artifact keeps of users: user_id as text, user_idx, and their own context.
    ///
    /// # Errors
    /// [`TrainerError::Data`] where a column is not there.
    pub(crate) fn users(&self, context: &[String]) -> Result<RecordBatch, TrainerError> {
        let missing = |name: &str| {
            TrainerError::data("users of decisions", format!("they have no column {name}"))
        };
        let of = |name: &str, to: &DataType| -> Result<ArrayRef, TrainerError> {
            let column = self
                .rows
                .column_by_name(name)
                .ok_or_else(|| missing(name))?;
            cast(column, to).map_err(|_| missing(name))
        };
        let mut columns = vec![
            ("user_id".to_owned(), of("user_id", &DataType::Utf8)?),
            ("user_idx".to_owned(), of("user_idx", &DataType::UInt32)?),
        ];
        for name in own_context(context) {
            columns.push((name.clone(), of(name, &DataType::Float32)?));
        }
        RecordBatch::try_from_iter(columns).map_err(TrainerError::bug)
    }
}

/// The name of the price, which belongs to an item and not to a user.
pub(crate) const PRICE: &str = "price";

/// The context that is a user's own.
pub(crate) fn own_context(context: &[String]) -> impl Iterator<Item = &String> {
    context.iter().filter(|name| *name != PRICE)
}

/// The largest index of a column and one more; 2 at least, for PAD and UNK.
pub(crate) fn rows_of(indices: &[u32]) -> usize {
    let largest = indices.iter().max().copied().unwrap_or(0);
    (largest + 1).max(FIRST_ITEM) as usize
}
