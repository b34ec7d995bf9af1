//! The columnar memory of `collect_sorted`: batches of columns beside the group of each row.
//! Nothing is sorted before a result is asked for.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, BooleanArray, StructArray, UInt32Array};
use datafusion::arrow::compute::{concat, take};
use datafusion::arrow::datatypes::Fields;
use datafusion::common::exec_err;
use datafusion::error::Result;
use datafusion::logical_expr::{EmitTo, GroupsAccumulator};

use super::groups::{ByGroup, counted, list, one_each, unpacked};

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

    fn push(&mut self, columns: &[ArrayRef], groups: Vec<u32>) {
        if columns.first().is_none_or(|c| c.is_empty()) {
            return;
        }
        self.groups.extend(groups);
        for (kept, new) in self.columns.iter_mut().zip(columns) {
            self.bytes += new.get_array_memory_size();
            kept.push(Arc::clone(new));
        }
    }

    /// All rows, and where those of the groups emitted stand; the others stay, renumbered.
    fn take_rows(&mut self, emit_to: EmitTo) -> Result<(Vec<ArrayRef>, ByGroup)> {
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
        let n = match emit_to {
            EmitTo::All => self.group_count,
            EmitTo::First(n) => n,
        };
        let groups = std::mem::take(&mut self.groups);
        let mut by = ByGroup::of(&groups, n);
        self.group_count -= n;
        if !by.rest.is_empty() {
            let later = by.rest.iter().map(|p| groups[*p as usize] - n as u32);
            let later = later.collect();
            let rest = taken(&columns, std::mem::take(&mut by.rest))?;
            self.push(&rest, later);
        }
        Ok((columns, by))
    }
}

/// The rows of columns at these places.
fn taken(columns: &[ArrayRef], places: Vec<u32>) -> Result<Vec<ArrayRef>> {
    let places = UInt32Array::from(places);
    let taken = columns.iter().map(|c| Ok(take(c, &places, None)?));
    taken.collect()
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
        let (columns, groups) = counted(values, group_indices, opt_filter)?;
        self.push(&columns, groups);
        Ok(())
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let (columns, mut by) = self.take_rows(emit_to)?;
        by.sort_within(&columns[1..])?;
        let offsets = by.offsets();
        let values = take(&columns[0], &UInt32Array::from(by.places), None)?;
        list(values, offsets)
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        let (columns, by) = self.take_rows(emit_to)?;
        let offsets = by.offsets();
        let columns = taken(&columns, by.places)?;
        let rows = StructArray::try_new(self.fields.clone(), columns, None)?;
        Ok(vec![list(Arc::new(rows), offsets)?])
    }

    fn merge_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        total: usize,
    ) -> Result<()> {
        self.ensure_groups(total);
        let (rows, groups) = unpacked(&values[0], group_indices)?;
        let Some(rows) = rows.as_struct_opt() else {
            return exec_err!("collect_sorted was given a state of {}", rows.data_type());
        };
        self.push(rows.columns(), groups);
        Ok(())
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        opt_filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        let (columns, offsets) = one_each(values, opt_filter)?;
        let rows = StructArray::try_new(self.fields.clone(), columns, None)?;
        Ok(vec![list(Arc::new(rows), offsets)?])
    }

    fn size(&self) -> usize {
        self.bytes + self.groups.capacity() * size_of::<u32>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::arrow::array::Int64Array;
    use datafusion::arrow::datatypes::{DataType, Field};

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
