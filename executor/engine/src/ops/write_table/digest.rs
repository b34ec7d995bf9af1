//! A digest of rows: equal rows in equal order give equal digests, whatever the batches' offsets,
//! spare capacity, or what stands under a null.

use datafusion::arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch};
use datafusion::arrow::buffer::BooleanBuffer;
use datafusion::arrow::compute::filter;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::exec_err;
use datafusion::error::Result;

/// blake3 over the columns of batches, batch after batch. All batches but the last must have the
/// same number of rows, or equal rows would not give equal digests.
#[derive(Default)]
pub struct RowDigest {
    hasher: blake3::Hasher,
}

impl RowDigest {
    /// Takes the next rows.
    ///
    /// # Errors
    /// Where a column's type has no digest.
    pub fn update(&mut self, batch: &RecordBatch) -> Result<()> {
        for column in batch.columns() {
            self.column(column)?;
        }
        Ok(())
    }

    /// The digest in hex.
    pub fn finish(self) -> String {
        self.hasher.finalize().to_hex().to_string()
    }

    /// Length, which rows are null, and the values of those that are not.
    fn column(&mut self, column: &ArrayRef) -> Result<()> {
        self.hasher.update(&(column.len() as u64).to_le_bytes());
        let Some(nulls) = column.logical_nulls().filter(|n| n.null_count() > 0) else {
            self.hasher.update(&[0]);
            return self.values(column);
        };
        self.hasher.update(&[1]);
        self.bits(nulls.inner());
        let valid = BooleanArray::new(nulls.into_inner(), None);
        self.values(&filter(column, &valid)?)
    }

    /// Packed anew: the bits after the last one may be anything.
    fn bits(&mut self, bits: &BooleanBuffer) {
        let packed = BooleanBuffer::collect_bool(bits.len(), |i| bits.value(i));
        self.hasher.update(packed.values());
    }

    /// Values of a column without nulls.
    fn values(&mut self, column: &ArrayRef) -> Result<()> {
        match column.data_type() {
            DataType::Utf8 => {
                let text = column.as_string::<i32>();
                self.offsets(text.value_offsets());
                let (first, last) = ends(text.value_offsets());
                self.hasher.update(&text.value_data()[first..last]);
            }
            DataType::List(_) => {
                let lists = column.as_list::<i32>();
                self.offsets(lists.value_offsets());
                let (first, last) = ends(lists.value_offsets());
                self.column(&lists.values().slice(first, last - first))?;
            }
            DataType::Struct(_) => {
                for field in column.as_struct().columns() {
                    self.column(field)?;
                }
            }
            DataType::Boolean => {
                self.bits(column.as_boolean().values());
            }
            data_type => match data_type.primitive_width() {
                Some(width) => {
                    let data = column.to_data();
                    let bytes = &data.buffers()[0].as_slice()[data.offset() * width..];
                    self.hasher.update(&bytes[..data.len() * width]);
                }
                None => return exec_err!("a column of type {data_type} cannot be in a table"),
            },
        }
        Ok(())
    }

    /// Lengths, since offsets depend on where a slice begins.
    fn offsets(&mut self, offsets: &[i32]) {
        let lengths: Vec<u8> = offsets
            .windows(2)
            .flat_map(|w| (w[1] - w[0]).to_le_bytes())
            .collect();
        self.hasher.update(&lengths);
    }
}

fn ends(offsets: &[i32]) -> (usize, usize) {
    match offsets {
        [first, .., last] => (*first as usize, *last as usize),
        _ => (0, 0),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datafusion::arrow::array::{Int64Array, ListArray, StringArray};
    use datafusion::arrow::buffer::NullBuffer;
    use datafusion::arrow::datatypes::Int64Type;

    use super::*;

    fn digest(
        columns: Vec<(&str, ArrayRef)>,
    ) -> std::result::Result<String, Box<dyn std::error::Error>> {
        let mut digest = RowDigest::default();
        digest.update(&RecordBatch::try_from_iter_with_nullable(
            columns.into_iter().map(|(n, c)| (n, c, true)),
        )?)?;
        Ok(digest.finish())
    }

    fn columns() -> Vec<(&'static str, ArrayRef)> {
        let lists = vec![
            Some(vec![Some(1), None]),
            None,
            Some(vec![]),
            Some(vec![Some(4)]),
        ];
        vec![
            (
                "n",
                Arc::new(Int64Array::from(vec![Some(1), None, Some(3), Some(4)])),
            ),
            (
                "t",
                Arc::new(StringArray::from(vec![
                    Some("a"),
                    Some(""),
                    None,
                    Some("bc"),
                ])),
            ),
            (
                "l",
                Arc::new(ListArray::from_iter_primitive::<Int64Type, _, _>(lists)),
            ),
        ]
    }

    #[test]
    fn a_slice_has_the_digest_of_a_copy() -> std::result::Result<(), Box<dyn std::error::Error>> {
        let slice = |from, n| {
            columns()
                .into_iter()
                .map(|(k, c)| (k, c.slice(from, n)))
                .collect::<Vec<_>>()
        };
        let copied = |from: u64, n: u64| {
            let wanted = datafusion::arrow::array::UInt64Array::from_iter_values(from..from + n);
            columns()
                .into_iter()
                .map(|(k, c)| Ok((k, datafusion::arrow::compute::take(&c, &wanted, None)?)))
                .collect::<Result<Vec<_>>>()
        };
        for (from, n) in [(0, 4), (1, 3), (2, 1), (3, 1), (1, 0)] {
            assert_eq!(
                digest(slice(from, n))?,
                digest(copied(from as u64, n as u64)?)?,
                "{from}+{n}"
            );
        }
        assert_ne!(digest(slice(0, 3))?, digest(slice(1, 3))?);
        Ok(())
    }

    #[test]
    fn what_stands_under_a_null_does_not_count()
    -> std::result::Result<(), Box<dyn std::error::Error>> {
        let nulls = NullBuffer::from(vec![true, false]);
        let one: ArrayRef = Arc::new(Int64Array::new(vec![1, 2].into(), Some(nulls.clone())));
        let other: ArrayRef = Arc::new(Int64Array::new(vec![1, 7].into(), Some(nulls)));
        assert_eq!(
            digest(vec![("n", one.clone())])?,
            digest(vec![("n", other)])?
        );
        assert_ne!(
            digest(vec![("n", one)])?,
            digest(vec![("n", Arc::new(Int64Array::from(vec![1, 2])))])?
        );
        Ok(())
    }
}
