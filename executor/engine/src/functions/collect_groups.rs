//! The columnar memory of `collect_sorted`: batches of columns beside the group of each row.
//! Nothing is sorted before a result is asked for.

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, ListArray, StructArray, UInt32Array,
};
use datafusion::arrow::buffer::{OffsetBuffer, ScalarBuffer};
use datafusion::arrow::compute::{
    SortColumn, concat, filter, is_not_null, lexsort_to_indices, take,
};
use datafusion::arrow::datatypes::{DataType, Field, Fields};
use datafusion::common::exec_err;
use datafusion::error::Result;
use datafusion::logical_expr::{EmitTo, GroupsAccumulator};

/// Rows of all groups: column 0 is the value, the others are keys.
#[derive(Debug)]
pub struct CollectGroups {
    fields: Fields,
    /// One list of arrays per column; the arrays of a batch have the same length in all.
    columns: Vec<Vec<ArrayRef>>,
    groups: Vec<u32>,
    group_count: usize,
    bytes: usize,
}

impl CollectGroups {
    /// Empty, for rows of these fields.
    #[must_use]
    pub fn new(fields: Fields) -> Self {
        Self {
            columns: vec![Vec::new(); fields.len()],
            fields,
            groups: Vec::new(),
            group_count: 0,
            bytes: 0,
        }
    }

    /// Knows at least `n` groups, even without rows.
    pub fn ensure_groups(&mut self, n: usize) {
        self.group_count = self.group_count.max(n);
    }

    fn push(&mut self, columns: &[ArrayRef], groups: impl Iterator<Item = u32>) {
        if columns.first().is_none_or(|c| c.is_empty()) {
            return;
        }
        self.groups.extend(groups);
        for (kept, new) in self.columns.iter_mut().zip(columns) {
            self.bytes += new.get_array_memory_size();
            kept.push(Arc::clone(new));
        }
    }

    /// Takes the rows of the groups emitted; the others stay, renumbered.
    fn take_rows(&mut self, emit_to: EmitTo) -> Result<(Vec<ArrayRef>, UInt32Array, usize)> {
        let groups = UInt32Array::from(std::mem::take(&mut self.groups));
        let mut columns = Vec::with_capacity(self.columns.len());
        for (kept, field) in self.columns.iter_mut().zip(self.fields.iter()) {
            let arrays: Vec<ArrayRef> = std::mem::take(kept);
            let parts: Vec<&dyn Array> = arrays.iter().map(AsRef::as_ref).collect();
            columns.push(if parts.is_empty() {
                datafusion::arrow::array::new_empty_array(field.data_type())
            } else {
                concat(&parts)?
            });
        }
        self.bytes = 0;
        let total = std::mem::take(&mut self.group_count);
        let n = match emit_to {
            EmitTo::All => return Ok((columns, groups, total)),
            EmitTo::First(n) => n,
        };
        let first: BooleanArray = groups
            .values()
            .iter()
            .map(|g| Some((*g as usize) < n))
            .collect();
        let later: BooleanArray = first.iter().map(|f| f.map(|f| !f)).collect();
        let rest = columns
            .iter()
            .map(|c| Ok(filter(c, &later)?))
            .collect::<Result<Vec<_>>>()?;
        let rest_groups: Vec<u32> = groups
            .values()
            .iter()
            .filter(|g| **g as usize >= n)
            .map(|g| g - n as u32)
            .collect();
        self.push(&rest, rest_groups.into_iter());
        self.group_count = total - n;
        let columns = columns
            .iter()
            .map(|c| Ok(filter(c, &first)?))
            .collect::<Result<Vec<_>>>()?;
        let groups = filter(&groups, &first)?.as_primitive().clone();
        Ok((columns, groups, n))
    }
}

/// Offsets of a list per group from the rows' groups.
fn offsets(groups: &UInt32Array, count: usize) -> OffsetBuffer<i32> {
    let mut lengths = vec![0usize; count];
    for group in groups.values() {
        lengths[*group as usize] += 1;
    }
    OffsetBuffer::from_lengths(lengths)
}

fn list(values: ArrayRef, offsets: OffsetBuffer<i32>) -> Result<ArrayRef> {
    let field = Arc::new(Field::new_list_field(values.data_type().clone(), true));
    Ok(Arc::new(ListArray::try_new(field, offsets, values, None)?))
}

/// Row order by group, then by the given columns.
fn order(groups: &UInt32Array, by: &[ArrayRef]) -> Result<UInt32Array> {
    let mut columns = vec![SortColumn {
        values: Arc::new(groups.clone()),
        options: None,
    }];
    columns.extend(by.iter().map(|c| SortColumn {
        values: Arc::clone(c),
        options: None,
    }));
    Ok(lexsort_to_indices(&columns, None)?)
}

impl GroupsAccumulator for CollectGroups {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        opt_filter: Option<&BooleanArray>,
        total: usize,
    ) -> Result<()> {
        self.ensure_groups(total);
        let present = is_not_null(&values[0])?;
        let keep: BooleanArray = match opt_filter {
            Some(wanted) => present
                .iter()
                .zip(wanted.iter())
                .map(|(p, w)| Some(p == Some(true) && w == Some(true)))
                .collect(),
            None => present,
        };
        if keep.true_count() == keep.len() {
            self.push(values, group_indices.iter().map(|g| *g as u32));
            return Ok(());
        }
        let kept = values
            .iter()
            .map(|v| Ok(filter(v, &keep)?))
            .collect::<Result<Vec<_>>>()?;
        let groups: Vec<u32> = group_indices
            .iter()
            .zip(keep.values())
            .filter(|(_, k)| *k)
            .map(|(g, _)| *g as u32)
            .collect();
        self.push(&kept, groups.into_iter());
        Ok(())
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let (columns, groups, count) = self.take_rows(emit_to)?;
        let order = order(&groups, &columns[1..])?;
        list(take(&columns[0], &order, None)?, offsets(&groups, count))
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        let (columns, groups, count) = self.take_rows(emit_to)?;
        let order = order(&groups, &[])?;
        let columns = columns
            .iter()
            .map(|c| Ok(take(c, &order, None)?))
            .collect::<Result<Vec<_>>>()?;
        let rows = StructArray::try_new(self.fields.clone(), columns, None)?;
        Ok(vec![list(Arc::new(rows), offsets(&groups, count))?])
    }

    fn merge_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        total: usize,
    ) -> Result<()> {
        self.ensure_groups(total);
        let Some(lists) = values[0].as_list_opt::<i32>() else {
            return exec_err!(
                "collect_sorted was given a state of type {}",
                values[0].data_type()
            );
        };
        let DataType::Struct(_) = lists.value_type() else {
            return exec_err!("collect_sorted was given a state of {}", lists.value_type());
        };
        let (first, last) = (
            lists.value_offsets()[0] as usize,
            lists.value_offsets()[lists.len()] as usize,
        );
        let rows = lists.values().slice(first, last - first);
        let groups: Vec<u32> = (0..lists.len())
            .flat_map(|i| {
                std::iter::repeat_n(group_indices[i] as u32, lists.value_length(i) as usize)
            })
            .collect();
        self.push(rows.as_struct().columns(), groups.into_iter());
        Ok(())
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        opt_filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        let present = is_not_null(&values[0])?;
        let keep: Vec<bool> = (0..present.len())
            .map(|i| present.value(i) && opt_filter.is_none_or(|f| f.is_valid(i) && f.value(i)))
            .collect();
        let mask = BooleanArray::from(keep.clone());
        let columns = values
            .iter()
            .map(|v| Ok(filter(v, &mask)?))
            .collect::<Result<Vec<_>>>()?;
        let rows = StructArray::try_new(self.fields.clone(), columns, None)?;
        let offsets = OffsetBuffer::from_lengths(keep.iter().map(|k| usize::from(*k)));
        Ok(vec![list(
            Arc::new(rows),
            OffsetBuffer::new(ScalarBuffer::from(offsets.to_vec())),
        )?])
    }

    fn size(&self) -> usize {
        self.bytes + self.groups.capacity() * size_of::<u32>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::arrow::array::Int64Array;

    fn fields() -> Fields {
        vec![
            Field::new("c0", DataType::Int64, true),
            Field::new("c1", DataType::Int64, true),
        ]
        .into()
    }

    fn ints(values: &[Option<i64>]) -> ArrayRef {
        Arc::new(Int64Array::from(values.to_vec()))
    }

    fn lists(array: &ArrayRef) -> Vec<Vec<i64>> {
        array
            .as_list::<i32>()
            .iter()
            .map(|l| {
                l.map_or_else(Vec::new, |l| {
                    l.as_primitive::<datafusion::arrow::datatypes::Int64Type>()
                        .values()
                        .to_vec()
                })
            })
            .collect()
    }

    #[test]
    fn sorted_by_key_in_two_emissions_and_through_states() -> Result<()> {
        let values = ints(&[Some(10), Some(20), None, Some(30), Some(40)]);
        let keys = ints(&[Some(2), Some(1), Some(0), Some(9), Some(8)]);
        let mut first = CollectGroups::new(fields());
        first.update_batch(&[values.clone(), keys.clone()], &[0, 0, 0, 1, 1], None, 3)?;
        let mut merged = CollectGroups::new(fields());
        let state = first.state(EmitTo::All)?;
        merged.merge_batch(&state, &[0, 1, 2], 3)?;
        let converted = merged.convert_to_state(&[values, keys], None)?;
        merged.merge_batch(&converted, &[2, 2, 2, 2, 2], 3)?;
        assert_eq!(lists(&merged.evaluate(EmitTo::First(1))?), [vec![20, 10]]);
        assert_eq!(
            lists(&merged.evaluate(EmitTo::All)?),
            [vec![40, 30], vec![20, 10, 40, 30]]
        );
        Ok(())
    }
}
