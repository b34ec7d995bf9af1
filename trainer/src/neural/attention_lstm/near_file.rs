//! The users that others are compared with, as a file of the artifact: `neighbours.parquet` with columns
//! user_id, items (indices of the vocab, ascending) and weights.

use std::sync::Arc;

use arrow::array::{AsArray, Float32Builder, ListBuilder, RecordBatch, StringArray, UInt32Builder};
use arrow::datatypes::{DataType, Float32Type, UInt32Type};
use pannier_proto::ids::FIRST_ITEM;
use pannier_proto::manifest::ArtifactFile;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::columns::column;
use crate::error::TrainerError;
use crate::names::Names;
use crate::next_basket::{Entry, Rows};
use crate::storage::Storage;
use crate::table_file::TableFile;

const NAME: &str = "neighbours.parquet";
/// Users that are written at a time.
const ROWS: usize = 16_384;

/// Writes the file into a folder; vectors are of items counted from the first real one.
///
/// # Errors
/// [`TrainerError::Storage`] where writing fails.
pub(super) fn write(
    storage: &Storage,
    folder: &str,
    (names, vectors): (&Names, &Rows<Entry>),
) -> Result<ArtifactFile, TrainerError> {
    let first = batch((names, vectors), 0)?;
    let path = format!("{folder}/{NAME}");
    let mut file = TableFile::create(storage, path, first.schema())?;
    file.write(&first)?;
    for from in (ROWS..names.len()).step_by(ROWS) {
        file.write(&batch((names, vectors), from)?)?;
    }
    let written = file.close()?;
    Ok(ArtifactFile {
        name: NAME.into(),
        bytes: written.bytes,
        digest: written.digest,
    })
}

fn batch(
    (names, vectors): (&Names, &Rows<Entry>),
    from: usize,
) -> Result<RecordBatch, TrainerError> {
    let users = from..(from + ROWS).min(names.len());
    let ids = StringArray::from_iter_values(users.clone().map(|user| names.get(user)));
    let mut items = ListBuilder::new(UInt32Builder::new());
    let mut weights = ListBuilder::new(Float32Builder::new());
    for user in users {
        for (item, weight) in vectors.row(user) {
            items.values().append_value(item + FIRST_ITEM);
            weights.values().append_value(*weight);
        }
        items.append(true);
        weights.append(true);
    }
    let columns = [
        ("user_id", Arc::new(ids) as _, false),
        ("items", Arc::new(items.finish()) as _, false),
        ("weights", Arc::new(weights.finish()) as _, false),
    ];
    RecordBatch::try_from_iter_with_nullable(columns).map_err(TrainerError::bug)
}

/// Names and vectors of an artifact's file, of a catalogue of so many real items.
///
/// # Errors
/// [`TrainerError::Storage`] where it cannot be read, [`TrainerError::Data`] where it is not as said.
pub(super) fn read(
    storage: &Storage,
    artifact: &str,
    items: usize,
) -> Result<(Names, Rows<Entry>), TrainerError> {
    let wrong = |reason: String| TrainerError::data("neighbours", reason);
    let bytes = storage.get(&format!("{artifact}/{NAME}"))?;
    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes).and_then(|b| b.build());
    let (mut names, mut vectors) = (Names::default(), Rows::default());
    for batch in reader.map_err(|e| wrong(e.to_string()))? {
        let batch = batch.map_err(|e| wrong(e.to_string()))?;
        let ids = column(&batch, "neighbours", "user_id", &DataType::Utf8)?;
        let list = |name: &str| {
            let lists = batch.column_by_name(name);
            let lists = lists.and_then(|lists| lists.as_list_opt::<i32>());
            lists.ok_or_else(|| wrong(format!("column {name} holds no lists")))
        };
        let (of_items, of_weights) = (list("items")?, list("weights")?);
        for (row, name) in ids.as_string::<i32>().iter().enumerate() {
            let (of_user, weights) = (of_items.value(row), of_weights.value(row));
            let of_user = of_user.as_primitive_opt::<UInt32Type>();
            let weights = weights.as_primitive_opt::<Float32Type>();
            let (Some(of_user), Some(weights)) = (of_user, weights) else {
                return Err(wrong("items are no UInt32, or weights no Float32".into()));
            };
            let entry = |(item, weight): (&u32, &f32)| {
                let item = item
                    .checked_sub(FIRST_ITEM)
                    .filter(|i| (*i as usize) < items);
                item.map(|item| (item, *weight))
            };
            let all = of_user.values().iter().zip(weights.values()).map(entry);
            let row: Option<Vec<Entry>> = all.collect();
            let row = row.filter(|row| row.len() == of_user.len().max(weights.len()));
            let reason = || wrong(format!("items of {name:?} are not those of the vocab"));
            vectors.push(&row.ok_or_else(reason)?);
            names.push(name.unwrap_or_default());
        }
    }
    Ok((names, vectors))
}
