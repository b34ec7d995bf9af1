//! Proof of what was read: a digest for each batch, and a chain of them.

use arrow::array::{
    Array, ArrayRef, AsArray, FixedSizeListArray, GenericByteArray, GenericListArray,
    OffsetSizeTrait, RecordBatch,
};
use arrow::datatypes::{ByteArrayType, DataType};

use crate::error::FeedError;

/// blake3 of a batch.
pub type Digest = [u8; 32];

/// Chain over the digests of all batches in their order: link = blake3(previous link ‖ digest of
/// the step), beginning with 32 zeros. Its whole state is one link, which a checkpoint can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Chain(pub Digest);

impl Chain {
    /// Adds a step.
    pub fn add(&mut self, digest: &Digest) {
        self.0 = *blake3::Hasher::new()
            .update(&self.0)
            .update(digest)
            .finalize()
            .as_bytes();
    }

    /// In hex.
    #[must_use]
    pub fn hex(self) -> String {
        hex(&self.0)
    }
}

/// What a reader has read: the digest of every step since the first of epoch 0.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ledger {
    bytes: Vec<u8>,
    chain: Chain,
}

impl Ledger {
    /// Bytes of a step's digest: that of global step s lies at s times this.
    pub const STEP: usize = size_of::<Digest>();

    /// Adds a step.
    pub fn add(&mut self, digest: &Digest) {
        self.bytes.extend_from_slice(digest);
        self.chain.add(digest);
    }

    /// The chain over all steps.
    #[must_use]
    pub fn chain(&self) -> Chain {
        self.chain
    }

    /// All digests in a row.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Steps in it.
    #[must_use]
    pub fn steps(&self) -> u64 {
        (self.bytes.len() / Self::STEP) as u64
    }

    /// The digest of a global step, where it is in the ledger.
    #[must_use]
    pub fn digest(&self, step: u64) -> Option<Digest> {
        let at = usize::try_from(step).ok()?.checked_mul(Self::STEP)?;
        self.bytes.get(at..at + Self::STEP)?.try_into().ok()
    }

    /// A ledger of its bytes; `None` where they are not whole digests.
    #[must_use]
    pub fn of_bytes(bytes: &[u8]) -> Option<Self> {
        let mut ledger = Self::default();
        let digests = bytes.chunks_exact(Self::STEP);
        if !digests.remainder().is_empty() {
            return None;
        }
        for digest in digests {
            ledger.add(digest.try_into().ok()?);
        }
        Some(ledger)
    }
}

/// A digest in hex.
#[must_use]
pub fn hex(digest: &Digest) -> String {
    blake3::Hash::from(*digest).to_hex().to_string()
}

/// blake3 over epoch, step, number of rows and every column: its nulls, and its values as
/// little-endian bytes; a column of lists or texts as its offsets from 0 on, then what they hold.
/// How a batch lies in memory plays no part.
///
/// # Errors
/// [`FeedError::Wrong`] for a column of a type that has no such form (dictionaries, unions, views).
pub fn of_step(epoch: u64, step: u64, batch: &RecordBatch) -> Result<Digest, FeedError> {
    let mut hasher = blake3::Hasher::new();
    for number in [epoch, step, batch.num_rows() as u64] {
        hasher.update(&number.to_le_bytes());
    }
    for (column, field) in batch.columns().iter().zip(batch.schema().fields()) {
        column_into(&mut hasher, column).ok_or_else(|| {
            let kind = column.data_type();
            FeedError::Wrong(format!(
                "column {} is {kind}, which has no digest; cast it in the feed's SQL",
                field.name()
            ))
        })?;
    }
    Ok(*hasher.finalize().as_bytes())
}

/// `None` where the type has no canonical form.
fn column_into(hasher: &mut blake3::Hasher, column: &ArrayRef) -> Option<()> {
    if let Some(nulls) = column.logical_nulls().filter(|n| n.null_count() > 0) {
        let valid: Vec<u8> = nulls.iter().map(u8::from).collect();
        hasher.update(&valid);
    }
    match column.data_type() {
        DataType::List(_) => lists_into(hasher, column.as_list::<i32>()),
        DataType::LargeList(_) => lists_into(hasher, column.as_list::<i64>()),
        DataType::FixedSizeList(_, _) => fixed_lists_into(hasher, column.as_fixed_size_list()),
        DataType::Utf8 => bytes_into(hasher, column.as_string::<i32>()),
        DataType::LargeUtf8 => bytes_into(hasher, column.as_string::<i64>()),
        DataType::Binary => bytes_into(hasher, column.as_binary::<i32>()),
        DataType::LargeBinary => bytes_into(hasher, column.as_binary::<i64>()),
        DataType::Boolean => {
            let values = column.as_boolean();
            let bytes: Vec<u8> = (0..values.len())
                .map(|i| u8::from(values.is_valid(i) && values.value(i)))
                .collect();
            hasher.update(&bytes);
            Some(())
        }
        kind => {
            let width = kind.primitive_width()?;
            let data = column.to_data();
            let from = data.offset() * width;
            let values = &data.buffers()[0].as_slice()[from..from + data.len() * width];
            values_into(hasher, values, width, column);
            Some(())
        }
    }
}

/// What stands where a value is null is nobody's business.
fn values_into(hasher: &mut blake3::Hasher, values: &[u8], width: usize, column: &ArrayRef) {
    if column.null_count() == 0 {
        hasher.update(values);
        return;
    }
    for (row, value) in values.chunks_exact(width).enumerate() {
        if column.is_valid(row) {
            hasher.update(value);
        }
    }
}

fn offsets_into<O: OffsetSizeTrait>(hasher: &mut blake3::Hasher, offsets: &[O]) -> (usize, usize) {
    let first = offsets[0].as_usize();
    let mut bytes = Vec::with_capacity(offsets.len() * 4);
    for offset in offsets {
        bytes.extend_from_slice(&((offset.as_usize() - first) as u32).to_le_bytes());
    }
    hasher.update(&bytes);
    (first, offsets[offsets.len() - 1].as_usize())
}

fn lists_into<O: OffsetSizeTrait>(
    hasher: &mut blake3::Hasher,
    lists: &GenericListArray<O>,
) -> Option<()> {
    let (from, to) = offsets_into(hasher, lists.value_offsets());
    column_into(hasher, &lists.values().slice(from, to - from))
}

fn fixed_lists_into(hasher: &mut blake3::Hasher, lists: &FixedSizeListArray) -> Option<()> {
    hasher.update(&(lists.value_length() as u32).to_le_bytes());
    column_into(hasher, lists.values())
}

fn bytes_into<T: ByteArrayType>(
    hasher: &mut blake3::Hasher,
    texts: &GenericByteArray<T>,
) -> Option<()> {
    let (from, to) = offsets_into(hasher, texts.value_offsets());
    hasher.update(&texts.value_data()[from..to]);
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{FixedSizeListArray, Float32Array, ListArray, StringArray, UInt32Array};
    use arrow::datatypes::{Field, UInt32Type};
    use std::sync::Arc;

    fn lists(rows: &[&[u32]]) -> RecordBatch {
        let rows = rows.iter().map(|r| Some(r.iter().map(|i| Some(*i))));
        let list = ListArray::from_iter_primitive::<UInt32Type, _, _>(rows);
        one(Arc::new(list))
    }

    fn one(column: ArrayRef) -> RecordBatch {
        RecordBatch::try_from_iter([("a", column)]).unwrap()
    }

    fn digest(batch: &RecordBatch) -> Digest {
        of_step(0, 4, batch).unwrap()
    }

    #[test]
    fn content_decides_not_how_it_lies_in_memory() {
        let whole = lists(&[&[9, 9], &[1, 2], &[3], &[7]]);
        assert_eq!(digest(&whole.slice(1, 2)), digest(&lists(&[&[1, 2], &[3]])));
        assert_ne!(
            digest(&lists(&[&[1], &[2, 3]])),
            digest(&lists(&[&[1, 2], &[3]]))
        );
        assert_ne!(of_step(0, 5, &whole), of_step(0, 4, &whole));
        assert_ne!(of_step(1, 4, &whole), of_step(0, 4, &whole));
        let texts = one(Arc::new(StringArray::from(vec!["x", "ab", "", "c"])));
        let part = one(Arc::new(StringArray::from(vec!["ab", ""])));
        assert_eq!(digest(&texts.slice(1, 2)), digest(&part));
    }

    #[test]
    fn fixed_lists_and_floats_have_digests() {
        let values: ArrayRef = Arc::new(UInt32Array::from_iter_values(0..6));
        let field = Arc::new(Field::new("item", DataType::UInt32, false));
        let fixed = FixedSizeListArray::new(field, 2, values, None);
        let whole = one(Arc::new(fixed));
        assert_ne!(digest(&whole.slice(0, 1)), digest(&whole.slice(1, 1)));
        let floats = |x: f32| digest(&one(Arc::new(Float32Array::from(vec![x]))));
        assert_ne!(floats(1.0), floats(2.0));
    }

    #[test]
    fn nulls_count_and_what_lies_under_them_does_not() {
        let nulls = |under: u32| {
            let values = UInt32Array::from(vec![7, under]);
            let nulls = arrow::buffer::NullBuffer::from(vec![true, false]);
            one(Arc::new(UInt32Array::new(
                values.values().clone(),
                Some(nulls),
            )))
        };
        assert_eq!(digest(&nulls(1)), digest(&nulls(2)));
        let full = one(Arc::new(UInt32Array::from(vec![7, 1])));
        assert_ne!(digest(&nulls(1)), digest(&full));
    }

    #[test]
    fn a_type_without_a_form_is_refused() {
        let column = arrow::array::DictionaryArray::<arrow::datatypes::Int32Type>::from_iter(["a"]);
        let error = of_step(0, 0, &one(Arc::new(column))).unwrap_err();
        assert!(error.to_string().contains("column a"), "{error}");
    }

    #[test]
    fn the_chain_depends_on_order() {
        let (mut a, mut b) = (Chain::default(), Chain::default());
        a.add(&[1; 32]);
        a.add(&[2; 32]);
        b.add(&[2; 32]);
        b.add(&[1; 32]);
        assert_ne!(a.hex(), b.hex());
    }

    #[test]
    fn a_ledger_is_its_bytes() {
        let mut ledger = Ledger::default();
        ledger.add(&[1; 32]);
        ledger.add(&[2; 32]);
        assert_eq!(Ledger::of_bytes(ledger.bytes()), Some(ledger.clone()));
        assert_eq!((ledger.steps(), ledger.digest(1)), (2, Some([2; 32])));
        assert_eq!((ledger.digest(2), ledger.digest(u64::MAX)), (None, None));
        assert_eq!(Ledger::of_bytes(&[0; 33]), None);
    }
}
