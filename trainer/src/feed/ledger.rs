//! The proof of what was trained on: a chain of digests, one link a step.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, UInt32Type, UInt64Type};

use crate::error::TrainerError;

/// Chain over the digests of all batches in their order: link = blake3(previous link ‖ digest of
/// the step), beginning with 32 zeros. Its whole state is one link, which a checkpoint can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Ledger(pub(crate) [u8; 32]);

impl Ledger {
    /// Adds a step.
    pub(crate) fn add(&mut self, digest: &[u8; 32]) {
        self.0 = *blake3::Hasher::new()
            .update(&self.0)
            .update(digest)
            .finalize()
            .as_bytes();
    }

    /// In hex.
    pub(crate) fn hex(self) -> String {
        blake3::Hash::from(self.0).to_hex().to_string()
    }
}

/// blake3 over epoch, step, number of rows and every column's values, all as little-endian
/// integers. A list column is its offsets from 0 on, then its values.
///
/// # Errors
/// [`TrainerError::Data`] for a column that is neither UInt32, UInt64 nor a list of UInt32, or that
/// holds nulls.
pub(crate) fn digest_of_step(
    epoch: u64,
    step: u64,
    batch: &RecordBatch,
) -> Result<[u8; 32], TrainerError> {
    let mut hasher = blake3::Hasher::new();
    for number in [epoch, step, batch.num_rows() as u64] {
        hasher.update(&number.to_le_bytes());
    }
    for (column, field) in batch.columns().iter().zip(batch.schema().fields()) {
        let wrong = || {
            let reason = format!(
                "column {} is {} with {} nulls",
                field.name(),
                column.data_type(),
                column.null_count()
            );
            TrainerError::data(
                "batch",
                reason + "; it must be UInt32, UInt64 or List(UInt32) without nulls",
            )
        };
        if column.null_count() > 0 {
            return Err(wrong());
        }
        match column.data_type() {
            DataType::UInt32 => update(
                &mut hasher,
                column.as_primitive::<UInt32Type>().values(),
                |x| x.to_le_bytes(),
            ),
            DataType::UInt64 => update(
                &mut hasher,
                column.as_primitive::<UInt64Type>().values(),
                |x| x.to_le_bytes(),
            ),
            DataType::List(_) => {
                let list = column.as_list::<i32>();
                let offsets = list.offsets();
                let (first, last) = (offsets[0], offsets[offsets.len() - 1]);
                update(&mut hasher, offsets, |x| (x - first).to_le_bytes());
                let values = list
                    .values()
                    .as_primitive_opt::<UInt32Type>()
                    .ok_or_else(wrong)?;
                update(
                    &mut hasher,
                    &values.values()[first as usize..last as usize],
                    |x| x.to_le_bytes(),
                );
            }
            _ => return Err(wrong()),
        }
    }
    Ok(*hasher.finalize().as_bytes())
}

/// Hashes numbers block by block: blake3 is quick on long inputs only.
fn update<T: Copy, const N: usize>(
    hasher: &mut blake3::Hasher,
    values: &[T],
    bytes: impl Fn(T) -> [u8; N],
) {
    let mut buffer = Vec::with_capacity(values.len().min(16_384) * N);
    for block in values.chunks(16_384) {
        buffer.clear();
        buffer.extend(block.iter().flat_map(|x| bytes(*x)));
        hasher.update(&buffer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{ListArray, UInt32Array};
    use std::sync::Arc;

    fn lists(rows: &[&[u32]]) -> RecordBatch {
        let rows = rows.iter().map(|r| Some(r.iter().map(|i| Some(*i))));
        let list = ListArray::from_iter_primitive::<UInt32Type, _, _>(rows);
        RecordBatch::try_from_iter([("items", Arc::new(list) as _)]).unwrap()
    }

    #[test]
    fn content_decides_not_how_it_lies_in_memory() {
        let whole = lists(&[&[9, 9], &[1, 2], &[3], &[7]]);
        let digest = |b: &RecordBatch| digest_of_step(0, 4, b).unwrap();
        assert_eq!(digest(&whole.slice(1, 2)), digest(&lists(&[&[1, 2], &[3]])));
        assert_ne!(
            digest(&lists(&[&[1], &[2, 3]])),
            digest(&lists(&[&[1, 2], &[3]]))
        );
        assert_ne!(digest_of_step(0, 5, &whole), digest_of_step(0, 4, &whole));
        assert_ne!(digest_of_step(1, 4, &whole), digest_of_step(0, 4, &whole));
    }

    #[test]
    fn nulls_and_strange_columns_are_refused() {
        let nulls = UInt32Array::from(vec![Some(1), None]);
        let batch = RecordBatch::try_from_iter([("a", Arc::new(nulls) as _)]).unwrap();
        assert!(digest_of_step(0, 0, &batch).is_err());
    }

    #[test]
    fn the_chain_depends_on_order() {
        let (mut a, mut b) = (Ledger::default(), Ledger::default());
        a.add(&[1; 32]);
        a.add(&[2; 32]);
        b.add(&[2; 32]);
        b.add(&[1; 32]);
        assert_ne!(a.hex(), b.hex());
    }
}
