//! `collect_distinct(value)`: the distinct values of a group as a list, in their own order.
//!
//! It stands where `array_agg(DISTINCT value ORDER BY value)` would. Duplicates go while it sorts,
//! so what moves between executors and lies in memory is close to what the result holds. Nulls are
//! left out. The result does not depend on the order in which rows arrive.

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, AsArray, BooleanArray, ListArray, PrimitiveArray,
    StringArray,
};
use datafusion::arrow::buffer::OffsetBuffer;
use datafusion::arrow::compute::{filter, is_not_null, prep_null_mask_filter};
use datafusion::arrow::datatypes::{
    DataType, Field, FieldRef, Int32Type, Int64Type, UInt32Type, UInt64Type,
};
use datafusion::common::{exec_err, plan_err};
use datafusion::error::Result;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{
    Accumulator, AggregateUDFImpl, EmitTo, GroupsAccumulator, Signature, Volatility,
};

use super::one_group::OneGroup;

/// The aggregate function.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct CollectDistinct {
    signature: Signature,
}

impl Default for CollectDistinct {
    fn default() -> Self {
        Self {
            signature: Signature::any(1, Volatility::Immutable),
        }
    }
}

fn list_of(value: &DataType) -> DataType {
    DataType::List(Arc::new(Field::new_list_field(value.clone(), true)))
}

impl AggregateUDFImpl for CollectDistinct {
    fn name(&self) -> &'static str {
        "collect_distinct"
    }
    fn signature(&self) -> &Signature {
        &self.signature
    }
    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        match types {
            [value] if accumulator(value).is_some() => Ok(list_of(value)),
            [value] => plan_err!("collect_distinct takes whole numbers or text, not {value}"),
            _ => plan_err!("collect_distinct takes one value"),
        }
    }
    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let state = list_of(args.input_fields[0].data_type());
        Ok(vec![Arc::new(Field::new(
            format!("{}[values]", args.name),
            state,
            true,
        ))])
    }
    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        let fields = args.expr_fields;
        OneGroup::boxed(self.create_groups_accumulator(args)?, fields)
    }
    fn groups_accumulator_supported(&self, _: AccumulatorArgs) -> bool {
        true
    }
    fn create_groups_accumulator(
        &self,
        args: AccumulatorArgs,
    ) -> Result<Box<dyn GroupsAccumulator>> {
        let value = args.expr_fields[0].data_type();
        match accumulator(value) {
            Some(accumulator) => Ok(accumulator),
            None => exec_err!("collect_distinct takes whole numbers or text, not {value}"),
        }
    }
}

fn accumulator(value: &DataType) -> Option<Box<dyn GroupsAccumulator>> {
    Some(match value {
        DataType::Int32 => Box::new(Distinct::<Numbers<Int32Type>>::default()),
        DataType::Int64 => Box::new(Distinct::<Numbers<Int64Type>>::default()),
        DataType::UInt32 => Box::new(Distinct::<Numbers<UInt32Type>>::default()),
        DataType::UInt64 => Box::new(Distinct::<Numbers<UInt64Type>>::default()),
        DataType::Utf8 => Box::new(Distinct::<Texts>::default()),
        _ => return None,
    })
}

/// Values of one type in a growing column.
trait Values: Default + Send {
    /// Appends a column without nulls.
    fn extend(&mut self, column: &ArrayRef) -> Result<()>;
    /// For each group of places its distinct values, sorted, one group after the other; and how
    /// many each group has. Places of group `i` stand from `starts[i]` to `starts[i + 1]`.
    fn distinct(&self, places: &[u32], starts: &[u32]) -> Result<(ArrayRef, Vec<usize>)>;
    /// Keeps the values at these places only, in that order.
    fn keep(&mut self, places: &[u32]);
    /// Bytes in memory.
    fn bytes(&self) -> usize;
}

struct Numbers<T: ArrowPrimitiveType>(Vec<T::Native>);

impl<T: ArrowPrimitiveType> Default for Numbers<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: ArrowPrimitiveType + Send> Values for Numbers<T>
where
    T::Native: Ord,
{
    fn extend(&mut self, column: &ArrayRef) -> Result<()> {
        self.0
            .extend_from_slice(column.as_primitive::<T>().values());
        Ok(())
    }
    fn distinct(&self, places: &[u32], starts: &[u32]) -> Result<(ArrayRef, Vec<usize>)> {
        let mut out = Vec::with_capacity(places.len());
        let mut lengths = Vec::with_capacity(starts.len());
        let mut group = Vec::new();
        for ends in starts.windows(2) {
            let places = &places[ends[0] as usize..ends[1] as usize];
            group.clear();
            group.extend(places.iter().map(|p| self.0[*p as usize]));
            group.sort_unstable();
            group.dedup();
            lengths.push(group.len());
            out.extend_from_slice(&group);
        }
        let out = PrimitiveArray::<T>::new(out.into(), None);
        Ok((Arc::new(out), lengths))
    }
    fn keep(&mut self, places: &[u32]) {
        self.0 = places.iter().map(|p| self.0[*p as usize]).collect();
    }
    fn bytes(&self) -> usize {
        self.0.capacity() * size_of::<T::Native>()
    }
}

#[derive(Default)]
struct Texts {
    text: Vec<u8>,
    ends: Vec<u64>,
}

impl Texts {
    fn get(&self, place: u32) -> &[u8] {
        let place = place as usize;
        let start = place.checked_sub(1).map_or(0, |p| self.ends[p] as usize);
        &self.text[start..self.ends[place] as usize]
    }
}

impl Values for Texts {
    fn extend(&mut self, column: &ArrayRef) -> Result<()> {
        let column = column.as_string::<i32>();
        for row in 0..column.len() {
            self.text.extend_from_slice(column.value(row).as_bytes());
            self.ends.push(self.text.len() as u64);
        }
        Ok(())
    }
    fn distinct(&self, places: &[u32], starts: &[u32]) -> Result<(ArrayRef, Vec<usize>)> {
        let (mut out, mut ends) = (Vec::new(), Vec::with_capacity(places.len()));
        let mut lengths = Vec::with_capacity(starts.len());
        let mut group = Vec::new();
        for between in starts.windows(2) {
            let places = &places[between[0] as usize..between[1] as usize];
            group.clear();
            group.extend(places.iter().map(|p| self.get(*p)));
            group.sort_unstable();
            group.dedup();
            lengths.push(group.len());
            for text in &group {
                out.extend_from_slice(text);
                ends.push(text.len());
            }
        }
        let offsets = OffsetBuffer::<i32>::from_lengths(ends);
        let out = StringArray::try_new(offsets, out.into(), None)?;
        Ok((Arc::new(out), lengths))
    }
    fn keep(&mut self, places: &[u32]) {
        let mut kept = Self::default();
        for place in places {
            kept.text.extend_from_slice(self.get(*place));
            kept.ends.push(kept.text.len() as u64);
        }
        *self = kept;
    }
    fn bytes(&self) -> usize {
        self.text.capacity() + self.ends.capacity() * size_of::<u64>()
    }
}

/// The values of all groups beside the group of each.
#[derive(Default)]
struct Distinct<V> {
    values: V,
    groups: Vec<u32>,
    count: usize,
}

impl<V: Values> Distinct<V> {
    /// Sorted distinct values of the groups emitted; the others stay, renumbered.
    fn emit(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let n = match emit_to {
            EmitTo::All => self.count,
            EmitTo::First(n) => n,
        };
        let mut starts = vec![0u32; n + 1];
        for group in self.groups.iter().filter(|g| (**g as usize) < n) {
            starts[*group as usize + 1] += 1;
        }
        for i in 0..n {
            starts[i + 1] += starts[i];
        }
        let mut places = vec![0u32; starts[n] as usize];
        let mut rest = Vec::new();
        let mut next = starts.clone();
        for (place, group) in self.groups.iter().enumerate() {
            match next.get_mut(*group as usize) {
                Some(at) if (*group as usize) < n => {
                    places[*at as usize] = place as u32;
                    *at += 1;
                }
                _ => rest.push(place as u32),
            }
        }
        let (values, lengths) = self.values.distinct(&places, &starts)?;
        self.values.keep(&rest);
        self.groups = rest
            .iter()
            .map(|p| self.groups[*p as usize] - n as u32)
            .collect();
        self.count -= n;
        let field = Arc::new(Field::new_list_field(values.data_type().clone(), true));
        let offsets = OffsetBuffer::from_lengths(lengths);
        Ok(Arc::new(ListArray::try_new(field, offsets, values, None)?))
    }

    fn push(&mut self, column: &ArrayRef, groups: impl Iterator<Item = u32>) -> Result<()> {
        self.values.extend(column)?;
        self.groups.extend(groups);
        Ok(())
    }
}

/// Which rows count: those with a value that the filter lets through.
fn counting(values: &ArrayRef, wanted: Option<&BooleanArray>) -> Result<Option<BooleanArray>> {
    if values.null_count() == 0 && wanted.is_none() {
        return Ok(None);
    }
    let present = is_not_null(values)?;
    Ok(Some(match wanted {
        Some(wanted) => {
            let wanted = match wanted.null_count() {
                0 => wanted.clone(),
                _ => prep_null_mask_filter(wanted),
            };
            datafusion::arrow::compute::and(&present, &wanted)?
        }
        None => present,
    }))
}

impl<V: Values + 'static> GroupsAccumulator for Distinct<V> {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        opt_filter: Option<&BooleanArray>,
        total: usize,
    ) -> Result<()> {
        self.count = self.count.max(total);
        match counting(&values[0], opt_filter)? {
            None => self.push(&values[0], group_indices.iter().map(|g| *g as u32)),
            Some(keep) => {
                let groups = group_indices.iter().enumerate();
                let groups = groups.filter(|(row, _)| keep.value(*row));
                self.push(&filter(&values[0], &keep)?, groups.map(|(_, g)| *g as u32))
            }
        }
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        self.emit(emit_to)
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        Ok(vec![self.emit(emit_to)?])
    }

    fn merge_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        total: usize,
    ) -> Result<()> {
        self.count = self.count.max(total);
        let Some(lists) = values[0].as_list_opt::<i32>() else {
            return exec_err!(
                "collect_distinct was given a state of type {}",
                values[0].data_type()
            );
        };
        let offsets = lists.value_offsets();
        let (first, last) = (offsets[0] as usize, offsets[lists.len()] as usize);
        let groups = group_indices.iter().zip(offsets.windows(2));
        let groups =
            groups.flat_map(|(g, w)| std::iter::repeat_n(*g as u32, (w[1] - w[0]) as usize));
        self.push(&lists.values().slice(first, last - first), groups)
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        opt_filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        let rows = values[0].len();
        let (kept, offsets) = match counting(&values[0], opt_filter)? {
            None => (
                Arc::clone(&values[0]),
                OffsetBuffer::from_lengths(std::iter::repeat_n(1, rows)),
            ),
            Some(keep) => (
                filter(&values[0], &keep)?,
                OffsetBuffer::from_lengths((0..rows).map(|i| usize::from(keep.value(i)))),
            ),
        };
        let field = Arc::new(Field::new_list_field(kept.data_type().clone(), true));
        Ok(vec![Arc::new(ListArray::try_new(
            field, offsets, kept, None,
        )?)])
    }

    fn size(&self) -> usize {
        self.values.bytes() + self.groups.capacity() * size_of::<u32>()
    }
}
