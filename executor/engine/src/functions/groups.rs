//! What the collecting aggregates share: which rows count, states as lists, and rows brought
//! together by their groups.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, BooleanArray, ListArray};
use datafusion::arrow::buffer::OffsetBuffer;
use datafusion::arrow::compute::{and, filter, is_not_null, prep_null_mask_filter};
use datafusion::arrow::datatypes::Field;
use datafusion::arrow::row::{RowConverter, SortField};
use datafusion::common::exec_err;
use datafusion::error::Result;

/// Rows in the order of their groups. Places of group `i` stand from `starts[i]` to `starts[i + 1]`.
pub struct ByGroup {
    pub places: Vec<u32>,
    pub starts: Vec<u32>,
    /// Places of rows whose groups are not below the number asked for.
    pub rest: Vec<u32>,
}

impl ByGroup {
    /// Of each row's group, the first `n` groups. Rows of a group stay in their order.
    pub fn of(groups: &[u32], n: usize) -> Self {
        let mut starts = vec![0u32; n + 1];
        for group in groups.iter().filter(|g| (**g as usize) < n) {
            starts[*group as usize + 1] += 1;
        }
        for i in 0..n {
            starts[i + 1] += starts[i];
        }
        let mut places = vec![0u32; starts[n] as usize];
        let mut rest = Vec::new();
        let mut next = starts.clone();
        for (place, group) in groups.iter().enumerate() {
            match next.get_mut(*group as usize) {
                Some(at) if (*group as usize) < n => {
                    places[*at as usize] = place as u32;
                    *at += 1;
                }
                _ => rest.push(place as u32),
            }
        }
        Self {
            places,
            starts,
            rest,
        }
    }

    /// Orders the rows of each group by these columns, nulls first. A group is small beside all
    /// rows, so this is far less work than to sort them together.
    ///
    /// # Errors
    /// Where a column's type has no order.
    pub fn sort_within(&mut self, by: &[ArrayRef]) -> Result<()> {
        if by.is_empty() {
            return Ok(());
        }
        let fields = by.iter().map(|c| SortField::new(c.data_type().clone()));
        let rows = RowConverter::new(fields.collect())?.convert_columns(by)?;
        for between in self.starts.windows(2) {
            let group = &mut self.places[between[0] as usize..between[1] as usize];
            if !group.is_sorted_by_key(|place| rows.row(*place as usize)) {
                group.sort_by_key(|place| rows.row(*place as usize));
            }
        }
        Ok(())
    }

    /// Offsets of a list per group.
    pub fn offsets(&self) -> OffsetBuffer<i32> {
        let lengths = self.starts.windows(2).map(|w| (w[1] - w[0]) as usize);
        OffsetBuffer::from_lengths(lengths)
    }
}

/// Which rows count: those with a value that the filter lets through. `None`: all.
pub fn counting(values: &ArrayRef, wanted: Option<&BooleanArray>) -> Result<Option<BooleanArray>> {
    if values.null_count() == 0 && wanted.is_none() {
        return Ok(None);
    }
    let present = is_not_null(values)?;
    Ok(Some(match wanted {
        Some(wanted) if wanted.null_count() > 0 => and(&present, &prep_null_mask_filter(wanted))?,
        Some(wanted) => and(&present, wanted)?,
        None => present,
    }))
}

/// The columns and groups of the rows that count.
pub fn counted(
    columns: &[ArrayRef],
    groups: &[usize],
    wanted: Option<&BooleanArray>,
) -> Result<(Vec<ArrayRef>, Vec<u32>)> {
    let Some(keep) = counting(&columns[0], wanted)? else {
        return Ok((columns.to_vec(), groups.iter().map(|g| *g as u32).collect()));
    };
    let kept = columns.iter().map(|c| Ok(filter(c, &keep)?));
    let groups = groups.iter().zip(keep.values().iter());
    let groups = groups.filter(|(_, keep)| *keep).map(|(g, _)| *g as u32);
    Ok((kept.collect::<Result<_>>()?, groups.collect()))
}

/// The columns of the rows that count, and the offsets of a list per row: one value or none.
pub fn one_each(
    columns: &[ArrayRef],
    wanted: Option<&BooleanArray>,
) -> Result<(Vec<ArrayRef>, OffsetBuffer<i32>)> {
    let rows = columns[0].len();
    let Some(keep) = counting(&columns[0], wanted)? else {
        let offsets = OffsetBuffer::from_lengths(std::iter::repeat_n(1, rows));
        return Ok((columns.to_vec(), offsets));
    };
    let kept = columns.iter().map(|c| Ok(filter(c, &keep)?));
    let offsets = OffsetBuffer::from_lengths((0..rows).map(|i| usize::from(keep.value(i))));
    Ok((kept.collect::<Result<_>>()?, offsets))
}

/// Lists of values.
pub fn list(values: ArrayRef, offsets: OffsetBuffer<i32>) -> Result<ArrayRef> {
    let field = Arc::new(Field::new_list_field(values.data_type().clone(), true));
    Ok(Arc::new(ListArray::try_new(field, offsets, values, None)?))
}

/// The values of a state's lists, and the group of each.
///
/// # Errors
/// Where it is no list.
pub fn unpacked(state: &ArrayRef, groups: &[usize]) -> Result<(ArrayRef, Vec<u32>)> {
    let Some(lists) = state.as_list_opt::<i32>() else {
        return exec_err!(
            "a collecting aggregate was given a state of {}",
            state.data_type()
        );
    };
    let offsets = lists.value_offsets();
    let (first, last) = (offsets[0] as usize, offsets[lists.len()] as usize);
    let groups = groups.iter().zip(offsets.windows(2));
    let groups = groups.flat_map(|(g, w)| std::iter::repeat_n(*g as u32, (w[1] - w[0]) as usize));
    Ok((lists.values().slice(first, last - first), groups.collect()))
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::Int64Array;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn rows_stand_by_group_and_in_order(rows in proptest::collection::vec((0..6u32, proptest::option::of(0..4i64), 0..3i64), 0..60), n in 0..7usize) {
            let groups: Vec<u32> = rows.iter().map(|r| r.0).collect();
            let keys: [ArrayRef; 2] = [
                Arc::new(rows.iter().map(|r| r.1).collect::<Int64Array>()),
                Arc::new(rows.iter().map(|r| Some(r.2)).collect::<Int64Array>()),
            ];
            let mut by = ByGroup::of(&groups, n);
            prop_assert!(by.sort_within(&keys).is_ok());
            let mut wanted: Vec<u32> = (0..rows.len() as u32).filter(|p| (groups[*p as usize] as usize) < n).collect();
            wanted.sort_by_key(|p| rows[*p as usize]);
            prop_assert_eq!(by.places, wanted);
            let rest: Vec<u32> = (0..rows.len() as u32).filter(|p| (groups[*p as usize] as usize) >= n).collect();
            prop_assert_eq!(by.rest, rest);
            for g in 0..n {
                let length = groups.iter().filter(|x| **x as usize == g).count();
                prop_assert_eq!((by.starts[g + 1] - by.starts[g]) as usize, length);
            }
        }
    }
}
