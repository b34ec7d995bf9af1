//! `collect_distinct(value)`: the distinct values of a group as a list, in their own order.
//!
//! It stands where `array_agg(DISTINCT value ORDER BY value)` would. Duplicates go while it sorts,
//! so what moves between executors and lies in memory is close to what the result holds. Nulls are
//! left out. The result does not depend on the order in which rows arrive.

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, AsArray, BooleanArray, PrimitiveArray, StringArray,
};
use datafusion::arrow::buffer::OffsetBuffer;
use datafusion::arrow::datatypes::{
    DataType, Field, FieldRef, Int32Type, Int64Type, UInt32Type, UInt64Type,
};
use datafusion::common::{exec_err, plan_err};
use datafusion::error::Result;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{
    Accumulator, AggregateUDFImpl, EmitTo, GroupsAccumulator, Signature, Volatility,
};

use super::groups::{ByGroup, counted, list, one_each, unpacked};
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
        let by = ByGroup::of(&self.groups, n);
        let (values, lengths) = self.values.distinct(&by.places, &by.starts)?;
        self.values.keep(&by.rest);
        let rest = by.rest.iter();
        self.groups = rest.map(|p| self.groups[*p as usize] - n as u32).collect();
        self.count -= n;
        list(values, OffsetBuffer::from_lengths(lengths))
    }

    fn push(&mut self, column: &ArrayRef, groups: Vec<u32>) -> Result<()> {
        self.values.extend(column)?;
        self.groups.extend(groups);
        Ok(())
    }
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
        let (kept, groups) = counted(values, group_indices, opt_filter)?;
        self.push(&kept[0], groups)
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
        let (values, groups) = unpacked(&values[0], group_indices)?;
        self.push(&values, groups)
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        opt_filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        let (kept, offsets) = one_each(values, opt_filter)?;
        Ok(vec![list(Arc::clone(&kept[0]), offsets)?])
    }

    fn size(&self) -> usize {
        self.values.bytes() + self.groups.capacity() * size_of::<u32>()
    }
}
