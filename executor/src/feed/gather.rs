//! Picks rows out of decoded row groups. Pure.
//!
//! A step's rows come as runs of rows that stand together. Columns of numbers, texts and lists
//! without nulls are copied run by run; whatever else a table holds is left to Arrow's own kernel.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayData, ArrayRef, AsArray, ListArray, RecordBatch, StringArray, make_array,
};
use arrow::buffer::{Buffer, OffsetBuffer};
use arrow::compute::interleave;
use arrow::datatypes::{ArrowNativeType, DataType, FieldRef};
use arrow::error::ArrowError;

/// Rows of one row group that stand together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// Which of the row groups.
    pub group: u32,
    /// Its first row.
    pub start: u32,
    /// How many.
    pub len: u32,
}

/// One column of the runs' rows.
pub fn column(groups: &[RecordBatch], at: usize, runs: &[Run]) -> Result<ArrayRef, ArrowError> {
    let columns: Vec<&ArrayRef> = groups.iter().map(|g| g.column(at)).collect();
    gather(&columns, runs)
}

fn gather(columns: &[&ArrayRef], runs: &[Run]) -> Result<ArrayRef, ArrowError> {
    let kind = columns[0].data_type();
    if columns.iter().any(|c| c.null_count() > 0) {
        return by_row(columns, runs);
    }
    match kind {
        DataType::List(field) => lists(columns, runs, field),
        DataType::Utf8 => texts(columns, runs),
        _ => match kind.primitive_width() {
            Some(1) => numbers::<u8>(columns, runs),
            Some(2) => numbers::<u16>(columns, runs),
            Some(4) => numbers::<u32>(columns, runs),
            Some(8) => numbers::<u64>(columns, runs),
            Some(16) => numbers::<i128>(columns, runs),
            _ => by_row(columns, runs),
        },
    }
}

/// Arrow's kernel, row by row.
fn by_row(columns: &[&ArrayRef], runs: &[Run]) -> Result<ArrayRef, ArrowError> {
    let arrays: Vec<&dyn Array> = columns.iter().map(|c| c.as_ref()).collect();
    let rows = runs.iter().flat_map(|run| {
        let of = run.group as usize;
        (run.start..run.start + run.len).map(move |row| (of, row as usize))
    });
    interleave(&arrays, &rows.collect::<Vec<_>>())
}

/// Values of any type of this width, copied as they are.
fn numbers<T: ArrowNativeType>(
    columns: &[&ArrayRef],
    runs: &[Run],
) -> Result<ArrayRef, ArrowError> {
    let data: Vec<ArrayData> = columns.iter().map(|c| c.to_data()).collect();
    let slices: Vec<&[T]> = data.iter().map(|d| d.buffer::<T>(0)).collect();
    let values = copied(&slices, runs);
    let made = ArrayData::builder(columns[0].data_type().clone())
        .len(values.len())
        .add_buffer(Buffer::from_vec(values));
    Ok(make_array(made.build()?))
}

fn copied<T: Copy>(slices: &[&[T]], runs: &[Run]) -> Vec<T> {
    let total = runs.iter().map(|run| run.len as usize).sum();
    let mut out = Vec::with_capacity(total);
    for run in runs {
        let slice = slices[run.group as usize];
        match run.len {
            1 => out.push(slice[run.start as usize]),
            len => out.extend_from_slice(&slice[run.start as usize..(run.start + len) as usize]),
        }
    }
    out
}

/// New offsets of the runs' lists, and the runs of what they hold.
fn inner(offsets: &[&[i32]], runs: &[Run]) -> (Vec<i32>, Vec<Run>) {
    let total: usize = runs.iter().map(|run| run.len as usize).sum();
    let (mut ends, mut held) = (
        Vec::with_capacity(total + 1),
        Vec::with_capacity(runs.len()),
    );
    let mut end = 0;
    ends.push(end);
    for run in runs {
        let (from, len) = (run.start as usize, run.len as usize);
        let of = &offsets[run.group as usize][from..=from + len];
        let (first, last) = (of[0], of[len]);
        match len {
            1 => ends.push(end + last - first),
            _ => ends.extend(of[1..].iter().map(|of| end + of - first)),
        }
        end += last - first;
        if last > first {
            held.push(Run {
                group: run.group,
                start: first as u32,
                len: (last - first) as u32,
            });
        }
    }
    (ends, held)
}

fn lists(columns: &[&ArrayRef], runs: &[Run], field: &FieldRef) -> Result<ArrayRef, ArrowError> {
    let arrays: Vec<&ListArray> = columns.iter().map(|c| c.as_list::<i32>()).collect();
    let offsets: Vec<&[i32]> = arrays.iter().map(|a| a.value_offsets()).collect();
    let (ends, held) = inner(&offsets, runs);
    let values: Vec<&ArrayRef> = arrays.iter().map(|a| a.values()).collect();
    let values = gather(&values, &held)?;
    let offsets = OffsetBuffer::new(ends.into());
    ListArray::try_new(Arc::clone(field), offsets, values, None).map(|a| Arc::new(a) as ArrayRef)
}

fn texts(columns: &[&ArrayRef], runs: &[Run]) -> Result<ArrayRef, ArrowError> {
    let arrays: Vec<&StringArray> = columns.iter().map(|c| c.as_string::<i32>()).collect();
    let offsets: Vec<&[i32]> = arrays.iter().map(|a| a.value_offsets()).collect();
    let (ends, held) = inner(&offsets, runs);
    let bytes: Vec<&[u8]> = arrays.iter().map(|a| a.value_data()).collect();
    let bytes = Buffer::from_vec(copied(&bytes, &held));
    let offsets = OffsetBuffer::new(ends.into());
    StringArray::try_new(offsets, bytes, None).map(|a| Arc::new(a) as ArrayRef)
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{
        BooleanArray, Decimal128Array, Int64Array, ListBuilder, StringBuilder, UInt32Builder,
    };
    use proptest::prelude::*;

    /// Columns of every kind: numbers of two widths, texts, lists of lists, flags, some with nulls.
    fn batch(from: u64, rows: u64) -> RecordBatch {
        let ids = from..from + rows;
        let mut lists = ListBuilder::new(ListBuilder::new(UInt32Builder::new()));
        let mut words = ListBuilder::new(StringBuilder::new());
        for id in ids.clone() {
            for inner in 0..id % 3 {
                lists
                    .values()
                    .append_value((0..(id + inner) % 4).map(|i| Some((id * 10 + i) as u32)));
            }
            lists.append(true);
            words.append_value((0..id % 2).map(|i| Some(format!("{id}/{i}"))));
        }
        let nulls = ids.clone().map(|id| (id % 5 > 0).then_some(id as i64));
        let money = Decimal128Array::from_iter_values(ids.clone().map(i128::from));
        let columns: [(&str, ArrayRef); 7] = [
            (
                "id",
                Arc::new(Int64Array::from_iter_values(ids.clone().map(|i| i as i64))),
            ),
            ("money", Arc::new(money)),
            (
                "text",
                Arc::new(StringArray::from_iter_values(
                    ids.clone().map(|i| format!("t{i}")),
                )),
            ),
            ("lists", Arc::new(lists.finish())),
            ("words", Arc::new(words.finish())),
            (
                "flag",
                Arc::new(BooleanArray::from_iter(ids.map(|i| Some(i % 2 == 0)))),
            ),
            ("nulls", Arc::new(Int64Array::from_iter(nulls))),
        ];
        RecordBatch::try_from_iter_with_nullable(columns.map(|(n, c)| (n, c, true))).unwrap()
    }

    proptest! {
        #[test]
        fn as_arrows_own_kernel(sizes in proptest::collection::vec(1u64..20, 1..4), picks in proptest::collection::vec((any::<u32>(), any::<u32>(), 0u32..5), 0..30)) {
            let groups: Vec<RecordBatch> = sizes.iter().scan(0, |from, n| {
                *from += n;
                // A slice: what lies before and behind it is not the group's.
                Some(batch(*from, n + 4).slice(2, *n as usize))
            }).collect();
            let runs: Vec<Run> = picks.into_iter().map(|(group, start, len)| {
                let group = group % groups.len() as u32;
                let rows = groups[group as usize].num_rows() as u32;
                let start = start % rows;
                Run { group, start, len: len.min(rows - start) }
            }).collect();
            for at in 0..groups[0].num_columns() {
                let columns: Vec<&ArrayRef> = groups.iter().map(|g| g.column(at)).collect();
                prop_assert_eq!(&column(&groups, at, &runs).unwrap(), &by_row(&columns, &runs).unwrap());
            }
        }
    }
}
