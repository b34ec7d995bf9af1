//! The vocab: which item an index stands for, and how often it was bought.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, UInt32Type, UInt64Type};
use pannier_proto::ids::FIRST_ITEM;
use pannier_proto::manifest::TableManifest;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::error::TrainerError;
use crate::storage::Storage;

/// An item of the vocab.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct VocabItem {
    /// The raw id.
    pub item_id: String,
    /// Its name, where the source has one.
    pub name: Option<String>,
    /// Its department, where the source has one.
    pub department: Option<String>,
    /// Train baskets that hold it.
    pub count: u64,
}

/// All real items, in order of their index, from [`FIRST_ITEM`] on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vocab {
    /// The items.
    pub items: Vec<VocabItem>,
    /// Content digest of the table version.
    pub digest: String,
}

impl Vocab {
    /// Reads the files that a table manifest names: columns item_idx, item_id, name,
    /// count, and where there is one department.
    ///
    /// # Errors
    /// [`TrainerError::Storage`] where reading fails; [`TrainerError::Data`] where the table is no
    /// vocab: no items, a column missing, indices with gaps.
    pub fn load(storage: &Storage, manifest: &str) -> Result<Self, TrainerError> {
        let manifest: TableManifest =
            serde_json::from_slice(&storage.get(manifest)?).map_err(|e| {
                TrainerError::data("vocab", format!("{manifest} is no table manifest: {e}"))
            })?;
        let mut items = vec![None; usize::try_from(manifest.rows).unwrap_or(0)];
        for file in &manifest.files {
            let reader = ParquetRecordBatchReaderBuilder::try_new(storage.get(&file.path)?)
                .and_then(|b| b.build());
            for batch in reader.map_err(|e| unreadable(&file.path, &e))? {
                place(&batch.map_err(|e| unreadable(&file.path, &e))?, &mut items)?;
            }
        }
        let items: Vec<VocabItem> = items.into_iter().flatten().collect();
        if items.is_empty() {
            return Err(TrainerError::data(
                "vocab",
                "it has no items; check that the split leaves train baskets, and lower prepare.min_item_baskets",
            ));
        }
        if items.len() as u64 != manifest.rows {
            return Err(TrainerError::data(
                "vocab",
                format!("{} of {} indices have an item", items.len(), manifest.rows),
            ));
        }
        Ok(Self {
            items,
            digest: manifest.digest,
        })
    }

    /// Rows of a matrix with a row for every index, PAD and UNK among them.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.items.len() + FIRST_ITEM as usize
    }

    /// Train baskets that hold each real item, in order of index.
    #[must_use]
    pub fn counts(&self) -> Vec<u64> {
        self.items.iter().map(|item| item.count).collect()
    }
}

fn unreadable(path: &str, error: &dyn std::fmt::Display) -> TrainerError {
    TrainerError::data(
        "vocab",
        format!("{path} is no readable Parquet file: {error}"),
    )
}

/// Puts a batch's items where their index says.
fn place(batch: &RecordBatch, items: &mut [Option<VocabItem>]) -> Result<(), TrainerError> {
    let indices = column(batch, "item_idx", &DataType::UInt32)?;
    let ids = column(batch, "item_id", &DataType::Utf8)?;
    let names = column(batch, "name", &DataType::Utf8)?;
    let counts = column(batch, "count", &DataType::UInt64)?;
    let departments = match batch.column_by_name("department") {
        Some(_) => Some(column(batch, "department", &DataType::Utf8)?),
        None => None,
    };
    let departments = departments.as_ref().map(|c| c.as_string::<i32>());
    let (indices, ids) = (indices.as_primitive::<UInt32Type>(), ids.as_string::<i32>());
    let (names, counts) = (
        names.as_string::<i32>(),
        counts.as_primitive::<UInt64Type>(),
    );
    for row in 0..batch.num_rows() {
        if indices.is_null(row) || ids.is_null(row) || counts.is_null(row) {
            return Err(TrainerError::data(
                "vocab",
                "item_idx, item_id and count may not be null",
            ));
        }
        let index = indices.value(row);
        let slot = index
            .checked_sub(FIRST_ITEM)
            .and_then(|i| items.get_mut(i as usize));
        let Some(slot @ None) = slot else {
            return Err(TrainerError::data(
                "vocab",
                format!("item_idx {index} is there twice, or not dense from {FIRST_ITEM}"),
            ));
        };
        *slot = Some(VocabItem {
            item_id: ids.value(row).to_owned(),
            name: names.is_valid(row).then(|| names.value(row).to_owned()),
            department: departments
                .filter(|d| d.is_valid(row))
                .map(|d| d.value(row).to_owned()),
            count: counts.value(row),
        });
    }
    Ok(())
}

fn column(batch: &RecordBatch, name: &str, to: &DataType) -> Result<ArrayRef, TrainerError> {
    let column = batch.column_by_name(name);
    let column =
        column.ok_or_else(|| TrainerError::data("vocab", format!("it has no column {name}")))?;
    cast(column, to)
        .map_err(|e| TrainerError::data("vocab", format!("column {name} is no {to}: {e}")))
}
